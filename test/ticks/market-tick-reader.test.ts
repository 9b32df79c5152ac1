import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MarketPositionReader } from '../../src/ticks/market-position-reader.js'
import { MarketTick, QUOTE, TRADE, TRADE_INDEX } from '../../src/ticks/market-tick.js'
import { blankTick, MarketTickEncoder, tickSymbol } from '../../src/ticks/market-tick-encoder.js'
import { MarketTickReader } from '../../src/ticks/market-tick-reader.js'
import { NO_TICK, TICK_BYTES_DEFAULT, UNKNOWN_KIND } from '../../src/ticks/tick-codec.js'
import { writeVarint } from '../../src/ticks/varint.js'
import { anyTick, type WholeTick } from '../support/any-tick.js'
import { encodeTick } from '../support/proto-messages.js'

/** The bytes in shared memory amid others, as in the log. */
function amid(bytes: Uint8Array, filler: number, before = 5, behind = 40): Uint8Array {
  const memory = new Uint8Array(new SharedArrayBuffer(before + bytes.length + behind)).fill(filler)
  memory.set(bytes, before)
  return memory
}

/** The fields alone, without the bytes that the reader reads. */
function fieldsOf(reader: MarketTickReader): MarketTick {
  const fields = new MarketTick()
  for (const name of Object.keys(fields) as (keyof MarketTick & keyof typeof fields)[])
    Object.assign(fields, { [name]: reader[name] })
  return fields
}

function decode(bytes: Uint8Array, memory = amid(bytes, 0xff)): { isTick: boolean; fields: MarketTick } {
  const reader = new MarketTickReader(memory)
  return { isTick: reader.decode(5, 5 + bytes.length), fields: fieldsOf(reader) }
}

const int64 = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0)

function decoded(bytes: Uint8Array): WholeTick | undefined {
  const memory = amid(bytes, 0xff)
  const { isTick, fields } = decode(bytes, memory)
  if (!isTick) return undefined
  const symbol = Buffer.from(memory.slice(fields.symbolStart, fields.symbolStart + fields.symbolLength))
  const { kind, bid, bidSize, ask, askSize, last, lastSize } = fields
  // The main thread reads it.
  const position = new MarketPositionReader().positionOf(memory, 5, 5 + bytes.length)
  return {
    symbol: symbol.toString(),
    kind: kind + 1,
    sequence: BigInt.asUintN(64, int64(fields.sequenceLow, fields.sequenceHigh)),
    sourceTimeNs: int64(fields.timeLow, fields.timeHigh),
    bid,
    bidSize,
    ask,
    askSize,
    last,
    lastSize,
    position,
  }
}

const VALID: Partial<WholeTick> = {
  symbol: 'BTC',
  kind: QUOTE,
  sequence: 300n,
  sourceTimeNs: -1n,
  bid: 1.5,
  position: 7,
}

function varint(value: number): number[] {
  const bytes = new Uint8Array(10)
  return [...bytes.subarray(0, writeVarint(bytes, 0, value))]
}

describe('the reader of quotes and trades', () => {
  it('reads every tick that protobufjs writes', () => {
    fc.assert(
      fc.property(anyTick, tick => {
        expect(decoded(encodeTick(tick))).toEqual(tick)
      }),
      { numRuns: 1000 },
    )
  })

  it('reads every tick that MarketTickEncoder writes', () => {
    const encoder = new MarketTickEncoder()
    fc.assert(
      fc.property(
        anyTick,
        fc.maxSafeNat(),
        fc.integer({ min: 0, max: 2 ** 52 }),
        fc.nat(999),
        (tick, sequence, timeUs, timeRestNs) => {
          const kind = tick.kind === QUOTE ? QUOTE : TRADE
          const { bid, bidSize, ask, askSize, last, lastSize } = tick
          const prices = { bid, bidSize, ask, askSize, last, lastSize }
          const symbol = tickSymbol(tick.symbol)
          const length = encoder.encode({
            ...blankTick(symbol),
            ...prices,
            kind,
            sequence,
            timeUs,
            timeRestNs,
          })
          const unset = kind === QUOTE ? { last: 0, lastSize: 0 } : { bid: 0, bidSize: 0, ask: 0, askSize: 0 }
          expect(decoded(encoder.bytes.subarray(0, length))).toEqual({
            ...tick,
            ...unset,
            sequence: BigInt(sequence),
            sourceTimeNs: BigInt(timeUs) * 1000n + BigInt(timeRestNs),
            position: 0,
          })
        },
      ),
      { numRuns: 500 },
    )
  })

  it('keeps nothing of the tick before', () => {
    const first = encodeTick({ ...VALID, ask: 2, last: 3 })
    const second = encodeTick({ symbol: 'X', kind: TRADE })
    const memory = new Uint8Array([...first, ...second])
    const reader = new MarketTickReader(memory)
    expect(reader.decode(0, first.length)).toBe(true)
    expect(reader.decode(first.length, memory.length)).toBe(true)
    const { symbolStart, symbolLength, kind, ...rest } = fieldsOf(reader)
    expect([symbolStart - first.length, symbolLength, kind]).toEqual([2, 1, TRADE_INDEX])
    expect(Object.values(rest).every(value => value === 0)).toBe(true)
  })

  it('skips unknown fields', () => {
    const bytes = [
      ...[...varint((200 << 3) | 0), 0xff, 0xff, 1],
      ...[...varint((16 << 3) | 1), 1, 2, 3, 4, 5, 6, 7, 8],
      ...encodeTick(VALID),
      ...[...varint((17 << 3) | 2), 3, 9, 9, 9],
      ...[...varint((2 ** 29 - 1) * 8 + 5), 1, 2, 3, 4],
      ...[...varint((2 ** 29 - 1) * 8 + 3), ...varint((2 ** 29 - 1) * 8 + 4)],
      ...[0x63, 0x08, 1, 0x11, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 0x0a, 1, 0, 0x1c, 0x25, 1, 2, 3, 4, 0x64],
    ]
    expect(decoded(Uint8Array.from(bytes))).toEqual(decoded(encodeTick(VALID)))
  })

  it.each([
    ['3', encodeTick({ ...VALID, kind: 3 })],
    ['2^31 - 1', encodeTick({ ...VALID, kind: 2 ** 31 - 1 })],
    ['-1', encodeTick({ ...VALID, kind: -1 })],
    ['-2^31', encodeTick({ ...VALID, kind: -(2 ** 31) })],
  ])('reads a tick of kind %s, which a newer feed has added', (_, bytes) => {
    expect(decode(bytes)).toMatchObject({ isTick: true, fields: { kind: UNKNOWN_KIND } })
    expect(new MarketPositionReader().positionOf(bytes, 0, bytes.length)).toBe(7)
  })

  it('takes the second value of a field that comes twice', () => {
    const bytes = [...encodeTick(VALID), ...encodeTick({ symbol: 'ETH', kind: TRADE })]
    expect(decoded(Uint8Array.from(bytes))).toMatchObject({ symbol: 'ETH', kind: TRADE, bid: 1.5 })
  })

  it.each([
    ['nothing at all', []],
    ['no symbol', encodeTick({ kind: QUOTE })],
    ['an empty symbol', [...encodeTick(VALID), 0x0a, 0]],
    ['a symbol of 65 bytes', encodeTick({ ...VALID, symbol: 'A'.repeat(65) })],
    ['no kind', encodeTick({ symbol: 'A' })],
    ['kind 0', [...encodeTick({ symbol: 'A' }), 0x10, 0]],
    ['a position of 2^53', [...encodeTick({ ...VALID, position: 0 }), 0x58, ...varint(2 ** 53)]],
    ['a position of 2^64 − 1', encodeTick({ ...VALID, position: 2n ** 64n - 1n })],
    ['field number 0', [...encodeTick(VALID), 0x00, 1]],
    ['a varint of eleven bytes', [...encodeTick(VALID), 0x18, ...new Array<number>(10).fill(0x80), 1]],
    ['a group without an end', [...encodeTick(VALID), 0x63, 0x08, 1]],
    ['the end of a group that did not begin', [...encodeTick(VALID), 0x64]],
    ['a group that ends with the number of another one', [...encodeTick(VALID), 0x63, 0x6c]],
    ['groups 101 levels deep', [...encodeTick(VALID), ...Array(101).fill(0x63), ...Array(101).fill(0x64)]],
    ['a wire type that there is not', [...encodeTick(VALID), 0x0e]],
    [
      '1,025 bytes',
      [...encodeTick(VALID), ...Array.from({ length: 1025 }, (_, i) => (i % 2 === 0 ? 0x60 : 1))],
    ],
  ])('refuses %s', (_, bytes) => {
    expect(decode(Uint8Array.from(bytes)).isTick).toBe(false)
    if (bytes.length > TICK_BYTES_DEFAULT) return
    // The main thread would not give it an offset that another tick may have.
    expect(new MarketPositionReader().positionOf(Uint8Array.from(bytes), 0, bytes.length)).toBe(NO_TICK)
  })

  it('takes a position of 2^53 − 1', () => {
    expect(decoded(encodeTick({ ...VALID, position: 2 ** 53 - 1 }))).toMatchObject({ position: 2 ** 53 - 1 })
  })

  it('takes a tick of exactly the longest length, and a symbol of 64 bytes', () => {
    const tick = encodeTick({ ...VALID, symbol: 'A'.repeat(64) })
    const rest = TICK_BYTES_DEFAULT - tick.length - 3
    const bytes = Uint8Array.from([...tick, 0x62, ...varint(rest), ...new Uint8Array(rest)])
    expect(bytes.length).toBe(TICK_BYTES_DEFAULT)
    expect(decode(bytes).isTick).toBe(true)
  })

  const broken = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(anyTick, fc.double({ min: 0, max: 1, noNaN: true })).map(([tick, part]) => {
      const bytes = encodeTick(tick)
      return Uint8Array.from(bytes.subarray(0, Math.floor(part * bytes.length)))
    }),
    fc.tuple(anyTick, fc.nat(), fc.nat(255)).map(([tick, at, value]) => {
      const bytes = Uint8Array.from(encodeTick(tick))
      bytes[at % bytes.length] = value
      return bytes
    }),
    fc
      .tuple(anyTick, fc.uint8Array({ maxLength: 20 }))
      .map(([tick, rest]) => Uint8Array.from([...encodeTick(tick), ...rest])),
  )

  it('never throws, and never reads bytes around the tick', () => {
    fc.assert(
      fc.property(broken, bytes => {
        // Filled with bytes that end a varint, that go on with one, and with no bytes at all.
        const results = [amid(bytes, 0x01), amid(bytes, 0xff), amid(bytes, 0x00), amid(bytes, 0, 5, 0)].map(
          memory => decode(bytes, memory),
        )
        for (const result of results) {
          expect(result).toEqual(results[0])
          const { symbolStart, symbolLength } = result.fields
          if (result.isTick) {
            expect(symbolStart).toBeGreaterThanOrEqual(5)
            expect(symbolStart + symbolLength).toBeLessThanOrEqual(5 + bytes.length)
          }
        }
      }),
      { numRuns: 2500 },
    )
  })
})
