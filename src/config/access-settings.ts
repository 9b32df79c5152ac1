/** The settings of access: who is let in. Any thread. */
import { choice, duration, filePath, flag, names, textSetting } from './setting-types.js'

/** Also of a user of the library, who has an `authenticate`. */
export const accessSettings = {
  authTimeoutMs: duration('How long it may take to find out who a client is, and until its first message', {
    initial: 5000,
    min: 100,
  }),
  authMessages: flag('Let a client without a token say by its first message who it is', { initial: true }),
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
  authAudience: names('One of these a token must have as aud; unset: anything'),
  authClockToleranceMs: duration('How far the clocks of gateway and issuer may differ', {
    initial: 5000,
    min: 0,
  }),
}
