import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { QUOTE, TRADE } from '../../src/ticks/market-tick.js'
import { blankTick, MarketTickEncoder, tickSymbol } from '../../src/ticks/market-tick-encoder.js'
import { writeVarint } from '../../src/ticks/varint.js'
import { decodeTick } from '../support/protobuf-ticks.js'

const symbolName = fc.string({ unit: 'binary', minLength: 1, maxLength: 16 })
const number = fc.double({ noNaN: true })

describe('MarketTickEncoder', () => {
  const encoder = new MarketTickEncoder()

  it('writes what the general decoder reads, for any tick', () => {
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

  it('refuses symbols of no byte and of more than 64', () => {
    expect(() => tickSymbol('')).toThrow('1 to 64 bytes')
    expect(() => tickSymbol('é'.repeat(33))).toThrow('has 66')
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
