/**
 * The options of a `GrpcSource`: their types, their rules and their defaults. Main thread. Pure.
 */

import { type Clock, systemClock } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import { isSymbol, SYMBOL_RULE } from '../../common/symbol.js'
import {
  checkOptions,
  clockRule,
  type OptionRule,
  wholeFrom,
  withMethods,
} from '../../config/option-check.js'
import { callRules } from './call-rules.js'
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
  /** Time between two HTTP/2 pings; 0: no pings. Many feeds forbid less than 5 minutes. Default 330 s. */
  readonly keepaliveMs?: number
  /** Whether to use the proxy that grpc_proxy, https_proxy or http_proxy names, but for no_proxy. Default true. */
  readonly proxy?: boolean
  /**
   * For a feed that is never silent: a call that brings nothing for this long while the source is not paused is made
   * again; 0: never. Default 0.
   */
  readonly stallTimeoutMs?: number
  /**
   * Whether a further connection may ask the feed for ticks that have left the tick log: only where the feed keeps
   * positions and names an epoch, and without `symbols`. Default true.
   */
  readonly history?: boolean
  /** Upper bound of the wait after the first failure. Default 100 ms. */
  readonly backoffMinMs?: number
  /** The upper bound doubles with each failure until it is this. Default 10 s. */
  readonly backoffMaxMs?: number
  /** Returns 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: () => number
  readonly clock?: Clock
  readonly log?: SourceLog
}

/** Servers of gRPC end a quiet connection that is pinged more often than every 5 minutes, unless they are told otherwise. */
const KEEPALIVE_MS_DEFAULT = 330_000
const DAY_MS = 86_400_000
/** HTTP/2 begins with this window: https://httpwg.org/specs/rfc9113.html#InitialWindowSize */
const WINDOW_BYTES_MIN = 65_535
const WINDOW_BYTES_MAX = 2 ** 30

const rules: Readonly<Record<keyof GrpcSourceOptions, OptionRule>> = {
  ...callRules,
  method: {
    rule: "must be 'batches' or 'single', or { path, request, form } as loadFeed returns it",
    holds: value => value === 'batches' || value === 'single' || isMethod(value),
  },
  symbols: {
    rule: `must be an array of symbols, each ${SYMBOL_RULE}`,
    holds: value => Array.isArray(value) && value.every(isSymbol),
  },
  windowBytes: wholeFrom(WINDOW_BYTES_MIN, WINDOW_BYTES_MAX),
  keepaliveMs: wholeFrom(0, DAY_MS),
  stallTimeoutMs: wholeFrom(0, DAY_MS),
  history: { rule: 'must be true or false', holds: value => typeof value === 'boolean' },
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
    keepaliveMs: options.keepaliveMs ?? KEEPALIVE_MS_DEFAULT,
    proxy: options.proxy ?? true,
    stallTimeoutMs: options.stallTimeoutMs ?? 0,
    history: options.history ?? true,
    backoffMinMs,
    backoffMaxMs,
    random: options.random ?? Math.random,
    clock: options.clock ?? systemClock,
    log: options.log ?? { info: () => {}, warn: () => {} },
  }
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
