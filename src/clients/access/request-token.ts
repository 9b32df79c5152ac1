/**
 * Finds the token of a request to connect: in the header `Authorization`, among the subprotocols, or in the URL. Main
 * thread. Pure.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { readTarget } from '../../common/request-target.js'
import { TOKEN_PARAMETER } from '../stream-parameters.js'
import { TOKEN_SUBPROTOCOL } from '../upgrade-request.js'
import type { AccessDenied } from './identity.js'

/** @param offered the subprotocols that the client offers */
export function requestToken(
  url: string,
  headers: IncomingHttpHeaders,
  offered: readonly string[],
): string | undefined | AccessDenied {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  const subprotocols = offered.filter(name => name.startsWith(TOKEN_SUBPROTOCOL))
  const found = [
    ...(bearer === undefined ? [] : [bearer]),
    ...subprotocols.map(name => name.slice(TOKEN_SUBPROTOCOL.length)),
    ...tokensOfQuery(readTarget(url).query),
  ]
  const [token, ...others] = new Set(found.filter(text => text !== ''))
  if (others.length === 0) return token
  return { code: 'token_repeated', denied: 'the request has several different tokens: send one' }
}

/** A token needs no percent-encoding. */
function tokensOfQuery(query: string): string[] {
  const begin = `${TOKEN_PARAMETER}=`
  return query
    .split('&')
    .filter(pair => pair.startsWith(begin))
    .map(pair => pair.slice(begin.length))
}
