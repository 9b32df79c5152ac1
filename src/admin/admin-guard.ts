/**
 * Stands in front of every route of the admin server: who may ask, and how much they are told. Main thread. Pure.
 *
 * On the loopback, whoever is on the machine may ask, unless there is a token. A page in a browser is not on the machine
 * although its requests come from there: by DNS rebinding its own name may lead to 127.0.0.1. So the `Host` must be a
 * name of this machine. Elsewhere a bearer token is needed. Without it, health checks tell their status and no more.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import { isLoopback } from '../common/loopback.js'
import { type AdminReply, errorReply, jsonReply } from './admin-reply.js'

export interface AdminGuardOptions {
  /** That the server listens on. */
  readonly host: string
  /** Further names by which callers may know it. */
  readonly names: readonly string[]
  /** undefined: there is none. Called with each request. */
  readonly token: () => string | undefined
}

/** `all`: the route's reply. `status`: as much of it as a prober needs. A reply: the caller is refused. */
export type AdminVerdict = 'all' | 'status' | AdminReply

/** The health checks, and the field of their status. */
const STATUS_FIELDS: ReadonlyMap<string, string> = new Map([
  ['/livez', 'live'],
  ['/readyz', 'ready'],
])

const WRONG_HOST = errorReply(
  421,
  'wrong_host',
  'call this port by an address, localhost, or a name of RINGCAST_ADMIN_NAMES',
)

export class AdminGuard {
  private readonly options: AdminGuardOptions
  private readonly isLocal: boolean
  private readonly names: ReadonlySet<string>

  constructor(options: AdminGuardOptions) {
    this.options = options
    this.isLocal = isLoopback(options.host)
    this.names = new Set(['localhost', options.host, ...options.names].map(name => name.toLowerCase()))
  }

  judge(path: string, { authorization, host }: IncomingHttpHeaders): AdminVerdict {
    const token = this.options.token()
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    if (token !== undefined && given !== undefined && areEqual(given, token)) return 'all'
    const isKnown = this.isKnownHost(host)
    if (this.isLocal && token === undefined && isKnown) return 'all'
    if (STATUS_FIELDS.has(path) && given === undefined) return 'status'
    if (this.isLocal && token === undefined) return WRONG_HOST
    if (token === undefined)
      return errorReply(403, 'no_token', 'beyond the loopback this port needs RINGCAST_ADMIN_TOKEN_FILE')
    return errorReply(
      401,
      given === undefined ? 'token_missing' : 'token_wrong',
      'send Authorization: Bearer <token>',
    )
  }

  /** The files of a page hold nothing of this gateway, and a browser shows no token for them. @returns a refusal */
  judgePage({ host }: IncomingHttpHeaders): AdminReply | undefined {
    return this.isLocal && this.options.token() === undefined && !this.isKnownHost(host)
      ? WRONG_HOST
      : undefined
  }

  /** An address cannot be rebound. */
  private isKnownHost(host: string | undefined): boolean {
    if (host === undefined) return true
    const name = host.toLowerCase().replace(/:\d*$/, '')
    return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0 || this.names.has(name)
  }
}

/** The status of a health check. */
export function statusOnly(path: string, { status }: AdminReply): AdminReply {
  return jsonReply(status, { [STATUS_FIELDS.get(path) ?? 'ok']: status === 200 })
}

/** In the same time whatever the texts are. */
function areEqual(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}
