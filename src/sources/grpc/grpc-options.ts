/**
 * The options of a `GrpcSource`: their types, their rules and their defaults. Main thread. Pure.
 */

import { type Clock, systemClock } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import { isSymbol, SYMBOL_RULE } from '../../common/symbol.js'
import { isMetadataEntry } from '../../config/feed-setting-types.js'
import {
  checkOptions,
  clockRule,
  type OptionRule,
  wholeFrom,
  withMethods,
} from '../../config/option-check.js'
import { isAddress } from '../../config/setting-types.js'
import type { Tls } from './grpc-credentials.js'
import type { CallMetadata, GrpcMethod } from './grpc-target.js'

/** Takes the messages of a source, for example a logger of pino. */
export interface SourceLog {
  info(message: string): void
  warn(message: string): void
}

export interface GrpcSourceOptions {
  /** 'host:port'. */
  readonly target: string
  /** Default false. */
  readonly tls?: Tls
  /**
   * The method to call first. A feed that lacks it is called with the other one from then on. Default 'batches'.
   * For a feed of another schema, the only method to call: its messages need a `StreamHandler` with that schema.
   */
  readonly method?: 'batches' | 'single' | GrpcMethod
  /** Metadata to send with each call. The value of a key that ends with `-bin` is base64. Default: none. */
  readonly metadata?: CallMetadata
  /** Default: all. */
  readonly symbols?: readonly string[]
  /** HTTP/2 flow control window. Default 4 MiB. */
  readonly windowBytes?: number
  /** Time between two HTTP/2 pings; 0: no pings. Default 30 s. */
  readonly keepaliveMs?: number
  /** A call that brings nothing for this long while the source is not paused is made again; 0: never. Default 0. */
  readonly stallTimeoutMs?: number
  /** Upper bound of the wait after the first failure. Default 100 ms. */
  readonly backoffMinMs?: number
  /** The upper bound doubles with each failure until it is this. Default 10 s. */
  readonly backoffMaxMs?: number
  /** Returns 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: () => number
  readonly clock?: Clock
  readonly log?: SourceLog
}

const DAY_MS = 86_400_000
/** HTTP/2 begins with this window: https://httpwg.org/specs/rfc9113.html#InitialWindowSize */
const WINDOW_BYTES_MIN = 65_535
const WINDOW_BYTES_MAX = 2 ** 30

const rules: Readonly<Record<keyof GrpcSourceOptions, OptionRule>> = {
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
  method: {
    rule: "must be 'batches' or 'single', or { path, request, form } of a method of another schema",
    holds: value => value === 'batches' || value === 'single' || isMethod(value),
  },
  metadata: {
    rule: 'must be an object of texts, with keys that gRPC can send',
    holds: isMetadata,
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

/**
 * The options, checked and filled with the defaults.
 *
 * @throws RingcastError `option_invalid`, with one line for each fault
 */
export function grpcOptions(options: GrpcSourceOptions): Required<GrpcSourceOptions> {
  checkOptions(options, rules, 'the options of a GrpcSource')
  const { backoffMinMs = 100, backoffMaxMs = 10_000 } = options
  if (backoffMinMs > backoffMaxMs) {
    throw new RingcastError(
      'option_invalid',
      `backoffMinMs=${backoffMinMs}: must be at most backoffMaxMs (${backoffMaxMs})`,
    )
  }
  return {
    target: options.target,
    tls: options.tls ?? false,
    method: options.method ?? 'batches',
    metadata: { ...options.metadata },
    symbols: [...(options.symbols ?? [])],
    windowBytes: options.windowBytes ?? 4 * 1024 * 1024,
    keepaliveMs: options.keepaliveMs ?? 30_000,
    stallTimeoutMs: options.stallTimeoutMs ?? 0,
    backoffMinMs,
    backoffMaxMs,
    random: options.random ?? Math.random,
    clock: options.clock ?? systemClock,
    log: options.log ?? { info: () => {}, warn: () => {} },
  }
}

function isTls(value: unknown): boolean {
  if (value === false) return true
  if (typeof value !== 'object' || value === null) return false
  const { ca, cert, key, serverName, ...others } = value as Readonly<Record<string, unknown>>
  const arePem = [ca, cert, key].every(pem => pem === undefined || Buffer.isBuffer(pem))
  const isName = serverName === undefined || (typeof serverName === 'string' && serverName !== '')
  return arePem && isName && (cert === undefined) === (key === undefined) && Object.keys(others).length === 0
}

function isMethod(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { path, request, form, ...others } = value as Readonly<Record<string, unknown>>
  return (
    typeof path === 'string' &&
    /^\/[\w.]+\/\w+$/.test(path) &&
    request instanceof Uint8Array &&
    (form === 'tick' || form === 'batch') &&
    Object.keys(others).length === 0
  )
}

function isMetadata(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([key, text]) => isMetadataEntry(key, text))
}
