/**
 * The rules of the options that say where a feed is and how it is called. Main thread. Pure.
 */
import { isMetadataEntry } from '../../config/feed-setting-types.js'
import type { OptionRule } from '../../config/option-check.js'
import { isAddress } from '../../config/setting-types.js'

export const callRules = {
  target: {
    rule: 'must be host:port, such as feed.example:50051',
    isRequired: true,
    holds: value => typeof value === 'string' && isAddress(value, 1),
  },
  tls: {
    rule:
      'must be false, or {} to trust the certificates of Node, or { ca, cert, key, serverName } with PEM as a Buffer, ' +
      'cert and key both or none',
    holds: isTls,
  },
  metadata: {
    rule: 'must be an object of texts, with keys that gRPC can send',
    holds: isMetadata,
  },
  proxy: { rule: 'must be true or false', holds: value => typeof value === 'boolean' },
} as const satisfies Readonly<Record<string, OptionRule>>

function isTls(value: unknown): boolean {
  if (value === false) return true
  if (typeof value !== 'object' || value === null) return false
  const { ca, cert, key, serverName, ...others } = value as Readonly<Record<string, unknown>>
  const arePem = [ca, cert, key].every(pem => pem === undefined || Buffer.isBuffer(pem))
  const isName = serverName === undefined || (typeof serverName === 'string' && serverName !== '')
  return arePem && isName && (cert === undefined) === (key === undefined) && Object.keys(others).length === 0
}

function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([key, text]) => isMetadataEntry(key, text))
}
