/** Ticks for property tests: any that the contract allows, the awkward ones often. */
import fc from 'fast-check'
import { SYMBOL_BYTES_MAX } from '../../src/common/symbol.js'
import { QUOTE, TRADE } from '../../src/ticks/market-tick.js'
import type { Tick } from './proto-messages.js'

export interface WholeTick extends Tick {
  sequence: bigint
  sourceTimeNs: bigint
  position: number
}

export const anySymbol: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(
      'BTCUSDT',
      '€',
      '\u0001'.repeat(64),
      '"\\'.repeat(32),
      '\ufeffBTC',
      '\u2028',
      '😀'.repeat(16),
      'A'.repeat(64),
    ),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
  )
  .filter(symbol => symbol.isWellFormed() && Buffer.byteLength(symbol) <= SYMBOL_BYTES_MAX)

export const anyDouble: fc.Arbitrary<number> = fc.oneof(
  fc.double(),
  fc.constantFrom(
    0,
    -0,
    Number.NaN,
    Infinity,
    -Infinity,
    5e-324,
    -5e-324,
    2 ** -1022,
    1.7976931348623157e308,
  ),
  fc.tuple(fc.maxSafeInteger(), fc.nat(12)).map(([digits, decimals]) => digits / 10 ** decimals),
  fc.tuple(fc.integer(), fc.nat(9)).map(([digits, decimals]) => digits / 10 ** decimals),
)

const bigUint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
)
const bigInt64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: 1_600_000_000_000_000_000n, max: 1_900_000_000_000_000_000n }),
  fc.constantFrom(0n, -1n, -999n, -1000n, -1001n, 999n, 1000n, -(2n ** 32n), 2n ** 63n - 1n, -(2n ** 63n)),
)

export const anyTick: fc.Arbitrary<WholeTick> = fc.record({
  symbol: anySymbol,
  kind: fc.constantFrom(QUOTE, TRADE),
  sequence: bigUint64,
  sourceTimeNs: bigInt64,
  bid: anyDouble,
  bidSize: anyDouble,
  ask: anyDouble,
  askSize: anyDouble,
  last: anyDouble,
  lastSize: anyDouble,
  position: fc.oneof(fc.constantFrom(0, 1, 2 ** 32, 2 ** 53 - 1), fc.maxSafeNat()),
})
