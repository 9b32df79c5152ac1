/**
 * A tick as the library's user pushes it, and the check of its fields. Main thread.
 */
import { RingcastError } from '../common/errors.js'
import { quoteValue } from '../common/quote-value.js'
import { isSymbol, SYMBOL_RULE } from '../common/symbol.js'

interface TickBase {
  /** Well-formed, 1 to 64 bytes of UTF-8. */
  readonly symbol: string
  /** The source's own number: rises per symbol and kind, may have holes. */
  readonly sequence: number | bigint
  /** When the source stamped it: nanoseconds since the Unix epoch. */
  readonly sourceTimeNs: bigint
}

export interface QuoteTick extends TickBase {
  readonly kind: 'quote'
  readonly bid: number
  readonly bidSize: number
  readonly ask: number
  readonly askSize: number
}

export interface TradeTick extends TickBase {
  readonly kind: 'trade'
  readonly last: number
  readonly lastSize: number
}

export type PushedTick = QuoteTick | TradeTick

const UINT64_MAX = 2n ** 64n - 1n
const INT64_MAX = 2n ** 63n - 1n
const PRICES = { quote: ['bid', 'bidSize', 'ask', 'askSize'], trade: ['last', 'lastSize'] } as const

/** @throws RingcastError `tick_invalid`, naming the field, its value and the rule */
export function checkTick(tick: unknown): asserts tick is PushedTick {
  if (typeof tick !== 'object' || tick === null) {
    throw new RingcastError(
      'tick_invalid',
      `a tick must be an object, see PushedTick, got ${quoteValue(tick)}`,
    )
  }
  const fields = tick as Readonly<Record<string, unknown>>
  const { symbol, kind, sequence, sourceTimeNs } = fields
  if (!isSymbol(symbol)) fail('symbol', symbol, SYMBOL_RULE)
  if (kind !== 'quote' && kind !== 'trade') fail('kind', kind, '"quote" or "trade"')
  if (!isWhole(sequence) || sequence < 0 || sequence > UINT64_MAX)
    fail('sequence', sequence, 'a whole number from 0 to 2^64 − 1')
  if (typeof sourceTimeNs !== 'bigint' || sourceTimeNs < -INT64_MAX || sourceTimeNs > INT64_MAX) {
    fail('sourceTimeNs', sourceTimeNs, 'a bigint of nanoseconds since 1970')
  }
  for (const name of PRICES[kind]) if (typeof fields[name] !== 'number') fail(name, fields[name], 'a number')
}

function isWhole(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || Number.isSafeInteger(value)
}

function fail(field: string, value: unknown, rule: string): never {
  throw new RingcastError('tick_invalid', `tick.${field} must be ${rule}, got ${quoteValue(value)}`)
}
