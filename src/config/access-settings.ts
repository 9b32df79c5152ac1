/** The settings of access: who is let in. Any thread. */
import { isProxy } from '../common/proxy-address.js'
import { choice, duration, filePath, flag, listOf, textSetting, wholeOrUnset } from './setting-types.js'

/** As browsers write them: https://www.rfc-editor.org/rfc/rfc6454#section-7 */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/(?:[^\s/:?#@[\]A-Z]+|\[[\da-f:.]+\])(?::\d{1,5})?$/

/** Also of a user of the library, who has an `authenticate`. */
export const accessSettings = {
  authTimeoutMs: duration('How long it may take to find out who a client is, and until its first message', {
    initial: 5000,
    min: 100,
  }),
  authMessages: flag('Let a client without a token say by its first message who it is', { initial: true }),
  allowedOrigins: listOf(
    'Pages that may connect, such as https://app.example; unset: all. Programs send no Origin',
    {
      rule: 'must be origins such as https://app.example, with commas between them',
      placeholder: 'origin,…',
      holds: text => ORIGIN.test(text),
    },
  ),
  maxClientsPerAddress: wholeOrUnset('Most clients of one address at a time; unset: no such bound', {
    min: 1,
    max: 100_000,
  }),
  maxClientsPerUser: wholeOrUnset('Most clients of one user at a time; unset: no such bound', {
    min: 1,
    max: 100_000,
  }),
  addressConnectionsPerSecond: wholeOrUnset(
    'Requests to connect of one address in a second, the next get 429; unset: no such bound',
    { min: 1, max: 100_000 },
  ),
  trustedProxies: listOf('Proxies whose header tells the address of the client', {
    rule: 'must be addresses, networks such as 10.0.0.0/8, or unix, with commas between them',
    placeholder: 'address,…',
    holds: isProxy,
  }),
  proxyHeader: choice('The header in which they tell it', {
    of: ['x-forwarded-for', 'forwarded'],
    initial: 'x-forwarded-for',
  }),
}

const LOOPBACK_OR_TLS = /^(?:https:\/\/|http:\/\/(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?=[:/]))[^\s@]+$/i

/** Whether `text` is a URL, and not the path of a file. */
export function isUrl(text: string): boolean {
  return /^[a-z][a-z\d+.-]*:\/\//i.test(text)
}

/** Of the gateway, which checks tokens itself. */
export const tokenSettings = {
  auth: choice('Who may connect: everybody, or clients with a JSON Web Token', {
    of: ['none', 'jwt'],
    initial: 'none',
  }),
  authSecretFile: filePath(
    'File of the secret with which tokens are signed (HS256 and so on), 32 bytes or more',
  ),
  authJwks: textSetting('Public keys of tokens: a JSON Web Key Set, as a file or a URL', {
    rule: 'must be the path of a file, or a URL with https (http for this machine)',
    placeholder: 'path|url',
    holds: text => text !== '' && !text.includes('\0') && (!isUrl(text) || LOOPBACK_OR_TLS.test(text)),
  }),
  authIssuer: textSetting('What a token must have as iss; unset: anything', {
    rule: 'must be a text',
    placeholder: 'text',
    holds: text => text !== '',
  }),
  authAudience: listOf('One of these a token must have as aud; unset: anything', {
    rule: 'must be texts with commas between them',
    placeholder: 'text,…',
    holds: text => text !== '',
  }),
  authClockToleranceMs: duration('How far the clocks of gateway and issuer may differ', {
    initial: 5000,
    min: 0,
  }),
}
