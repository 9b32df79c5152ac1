/**
 * What the options of a `GrpcSource` may be. Any thread.
 */

import { isSymbol, SYMBOL_RULE } from '../../common/symbol.js'
import { clockRule, type OptionRule, wholeFrom, withMethods } from '../../config/option-check.js'
import { isAddress } from '../../config/setting-types.js'
import type { GrpcSourceOptions } from './grpc-source.js'

const DAY_MS = 86_400_000
/** HTTP/2 begins with this window: https://httpwg.org/specs/rfc9113.html#InitialWindowSize */
const WINDOW_BYTES_MIN = 65_535
const WINDOW_BYTES_MAX = 2 ** 30

export const grpcSourceRules: Readonly<Record<keyof GrpcSourceOptions, OptionRule>> = {
  target: {
    rule: 'must be host:port, such as feed.example:50051',
    isRequired: true,
    holds: value => typeof value === 'string' && isAddress(value, 1),
  },
  tls: {
    rule: 'must be false, or {} to trust the certificates of Node, or { ca } with others (PEM) as a Buffer',
    holds: isTls,
  },
  method: {
    rule: "must be 'batches' or 'single'",
    holds: value => value === 'batches' || value === 'single',
  },
  symbols: {
    rule: `must be an array of symbols, each ${SYMBOL_RULE}`,
    holds: value => Array.isArray(value) && value.every(isSymbol),
  },
  windowBytes: wholeFrom(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX),
  keepaliveMs: wholeFrom(0, DAY_MS),
  stallTimeoutMs: wholeFrom(0, DAY_MS),
  backoffMinMs: wholeFrom(1, DAY_MS),
  backoffMaxMs: wholeFrom(1, DAY_MS),
  random: { rule: 'must be a function', holds: value => typeof value === 'function' },
  clock: clockRule,
  log: withMethods('info', 'warn'),
}

function isTls(value: unknown): boolean {
  if (value === false) return true
  if (typeof value !== 'object' || value === null) return false
  const { ca, ...others } = value as { ca?: unknown }
  return (ca === undefined || Buffer.isBuffer(ca)) && Object.keys(others).length === 0
}
