import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QUOTE, TRADE } from '../../src/ticks/market-tick.js'
import {
  blankTick,
  encodePushedTick,
  MarketTickEncoder,
  tickSymbol,
} from '../../src/ticks/market-tick-encoder.js'
import type { PushedTick } from '../../src/ticks/pushed-tick.js'
import { writeVarint } from '../../src/ticks/varint.js'
import { anyDouble, anySymbol } from '../support/any-tick.js'
import { decodeTick, encodeTick } from '../support/proto-messages.js'
import { quote, trade } from '../support/ticks.js'

const symbolName = fc.string({ unit: 'binary', minLength: 1, maxLength: 16 })
const number = fc.double({ noNaN: true })

/** The tick without its 64-bit numbers, which protobufjs returns as number or bigint. */
function withoutTimes({
  sequence: _,
  sourceTimeNs: __,
  ...rest
}: PushedTick): Omit<PushedTick, 'sequence' | 'sourceTimeNs'> {
  return rest
}

describe('MarketTickEncoder', () => {
  const encoder = new MarketTickEncoder()

  it('writes every tick so that protobufjs reads it', () => {
    fc.assert(
      fc.property(
        symbolName,
        fc.constantFrom(QUOTE, TRADE),
        fc.maxSafeNat(),
        fc.nat({ max: 999 }),
        fc.maxSafeNat(),
        fc.tuple(number, number, number, number, number, number),
        (name, kind, sequence, timeRestNs, time, [bid, bidSize, ask, askSize, last, lastSize]) => {
          const tick = { ...blankTick(tickSymbol(name)), kind, sequence }
          tick.timeUs = Math.floor(time)
          tick.timeRestNs = timeRestNs
          Object.assign(tick, { bid, bidSize, ask, askSize, last, lastSize })
          const decoded = decodeTick(encoder.bytes.subarray(0, encoder.encode(tick)))
          const timeNs = BigInt.asIntN(64, BigInt(tick.timeUs) * 1000n + BigInt(timeRestNs))
          const isQuote = kind === QUOTE
          expect(decoded).toEqual({
            symbol: tickSymbol(name).name,
            kind,
            sequence,
            sourceTimeNs: timeNs <= Number.MAX_SAFE_INTEGER && timeNs >= 0 ? Number(timeNs) : timeNs,
            bid: isQuote ? bid : 0,
            bidSize: isQuote ? bidSize : 0,
            ask: isQuote ? ask : 0,
            askSize: isQuote ? askSize : 0,
            last: isQuote ? 0 : last,
            lastSize: isQuote ? 0 : lastSize,
            position: 0,
          })
        },
      ),
    )
  })

  it('writes every tick that a user may push as protobufjs writes it, with all 64 bits', () => {
    const uint64 = fc.oneof(
      fc.constantFrom(0n, 2n ** 53n, 2n ** 64n - 1n),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    )
    const int64 = fc.oneof(
      fc.constantFrom(-(2n ** 63n) + 1n, -1n, 2n ** 63n - 1n),
      fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }),
    )
    const times = { sequence: fc.oneof(uint64, fc.maxSafeNat()), sourceTimeNs: int64 }
    const symbol = anySymbol
    const quotes = fc.record({
      ...times,
      symbol,
      kind: fc.constant('quote' as const),
      bid: anyDouble,
      bidSize: anyDouble,
      ask: anyDouble,
      askSize: anyDouble,
    })
    const trades = fc.record({
      ...times,
      symbol,
      kind: fc.constant('trade' as const),
      last: anyDouble,
      lastSize: anyDouble,
    })
    const none = { bid: 0, bidSize: 0, ask: 0, askSize: 0, last: 0, lastSize: 0, position: 0 }
    fc.assert(
      fc.property(fc.oneof(quotes, trades), tick => {
        const bytes = encodePushedTick(tick)
        const kind = tick.kind === 'quote' ? QUOTE : TRADE
        expect(Buffer.from(bytes)).toEqual(encodeTick({ ...tick, kind }))
        const { sequence, sourceTimeNs, ...decoded } = decodeTick(bytes)
        expect(decoded).toEqual({ ...none, ...withoutTimes(tick), kind })
        expect([BigInt(sequence), BigInt(sourceTimeNs)]).toEqual([BigInt(tick.sequence), tick.sourceTimeNs])
      }),
      { numRuns: 500 },
    )
  })

  it('keeps no bytes of one pushed tick in the bytes of another', () => {
    const first = encodePushedTick(quote('A', 1))
    const copy = first.slice()
    encodePushedTick(trade('B', 2))
    expect(first).toEqual(copy)
  })

  it('refuses symbols of no byte, of more than 64, and of half a character', () => {
    expect(() => tickSymbol('')).toThrow('at least one character, got ""')
    expect(() => tickSymbol('é'.repeat(33))).toThrow('at most 64 bytes, got "é')
    expect(() => tickSymbol('CAF\udc00')).toThrow('half of a surrogate pair, got "CAF\\udc00"')
    expect(tickSymbol('é'.repeat(32)).field.length).toBe(66)
  })
})

it('writeVarint keeps every bit below 2^53', () => {
  const bytes = new Uint8Array(10)
  for (const value of [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 49, Number.MAX_SAFE_INTEGER]) {
    const end = writeVarint(bytes, 0, value)
    let read = 0n
    for (let i = end - 1; i >= 0; i--) read = (read << 7n) | BigInt(bytes[i]! & 127)
    expect(read).toBe(BigInt(value))
  }
})
