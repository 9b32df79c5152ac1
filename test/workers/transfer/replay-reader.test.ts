import { describe, expect, it } from 'vitest'
import { TickLogHistory } from '../../../src/memory/tick-log-history.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../../src/protocol/envelope-format.js'
import { QUOTE } from '../../../src/ticks/market-tick.js'
import { framesOf } from '../../support/frames.js'
import { streamOf } from '../../support/lane-messages.js'
import { after, begin, messagesOf, Past, ticksOfA } from '../../support/past.js'
import { decodeTicksMessage } from '../../support/proto-messages.js'

/** Ticks that one part reads at most, as in the reader. */
const PART_TICKS_MAX = 1024

describe('a replay', () => {
  it('has every tick after the offset, and says how far it goes', () => {
    const past = new Past()
    past.many(40, 7)
    past.tick()
    for (const offset of [0, 1, 6, 7, 8, 39, 40]) {
      const part = past.next(begin(offset))!
      expect(streamOf(messagesOf(part), 0)).toEqual(ticksOfA(offset + 1, 41))
      expect([part.ticks, part.messages]).toEqual([41 - offset, 1])
      expect(part).toMatchObject({ place: { serial: 41, offset: 41, epoch: 0 }, seq: 1 })
    }
  })

  it('is empty for a client that missed nothing', () => {
    const past = new Past()
    expect(past.next(begin(0))).toMatchObject({ ticks: 0, messages: 0, place: { offset: 0 } })
    past.many(10, 3)
    const part = past.next(begin(10))!
    expect(part).toMatchObject({ ticks: 0, messages: 0, place: { offset: 10 }, seq: 0 })
    expect(part.frames).toHaveLength(0)
  })

  it('ends where the live stream begins, though the record goes on', () => {
    const past = new Past()
    past.many(10, 10)
    const part = past.next(begin(2), {}, 7)!
    expect(streamOf(messagesOf(part), 0)).toEqual(ticksOfA(3, 7))
    const rest = past.next(after(part))!
    expect(streamOf(messagesOf(rest), 1)).toEqual(ticksOfA(8, 10))
  })

  it.each([0, 1, 1023, 1024, 1025, 2047, 2048, 2999])(
    'from %i on comes in parts that look at few ticks, without a gap',
    offset => {
      for (const perMessage of [1, 50, 128]) {
        const past = new Past()
        past.many(3000, perMessage)
        const parts = past.parts(offset)
        expect(streamOf(parts.flatMap(messagesOf), 0)).toEqual(ticksOfA(offset + 1, 3000))
        for (const { ticks } of parts) expect(ticks).toBeLessThanOrEqual(PART_TICKS_MAX)
        expect(parts.length).toBeLessThanOrEqual(Math.ceil((3000 - offset) / PART_TICKS_MAX) + 1)
        expect(parts.at(-1)).toMatchObject({
          place: { offset: 3000 },
          seq: parts.filter(({ ticks }) => ticks > 0).length,
        })
      }
    },
  )

  it('has the ticks that the client gets tick by tick, and no others', () => {
    const past = new Past()
    past.batch(['A', 'B', 'C', 'AB', 'A'].map(symbol => ({ symbol })))
    const latest = [{ intervalMs: 0, symbols: ['B'] }]
    expect(past.stream(0, { symbols: ['A'], latest })).toEqual(['A1', 'A5'])
    expect(past.stream(0, { symbols: ['A*', 'B'] })).toEqual(['A1', 'B2', 'AB4', 'A5'])
    expect(past.stream(0, { symbols: ['X'] })).toEqual([])
    expect(past.stream(0)).toEqual(['A1', 'B2', 'C3', 'AB4', 'A5'])
  })

  it('has a message for each tick for an audience without batches, and counts these messages on', () => {
    const past = new Past()
    past.many(5, 2)
    const part = past.next({ ...begin(1), seq: 70 }, { batch: false })!
    expect(
      messagesOf(part).map(message => message.type === 'ticks' && [message.seq, message.offset]),
    ).toEqual([
      [71, 2],
      [72, 3],
      [73, 4],
      [74, 5],
    ])
    expect(part).toMatchObject({ ticks: 4, messages: 4, place: { offset: 5 }, seq: 74 })
  })

  it('has the bytes of the feed for a client of the binary subprotocol', () => {
    const past = new Past()
    const ticks = [1, 2, 3].map(sequence => ({
      symbol: '€',
      kind: QUOTE,
      sequence,
      bid: 1 / 3,
      position: sequence,
    }))
    past.batch(ticks)
    const frames = framesOf(past.next(begin(1), { encoding: 'protobuf' })!.frames)
    expect(frames.map(({ first }) => first)).toEqual([0x82])
    expect(decodeTicksMessage(frames[0]!.payload)).toMatchObject({ seq: 1, offset: 3, ticks: ticks.slice(1) })
  })

  it('is never compressed', () => {
    const past = new Past()
    past.many(100, 100)
    const frames = framesOf(past.next(begin(0), { windowBits: 13 })!.frames)
    expect(frames.map(({ first }) => first)).toEqual([0x81])
  })
})

describe('a part of a replay', () => {
  it('ends with the tick that passes its bound of bytes', () => {
    const partBytesMax = 2000
    const past = new Past({ partBytesMax })
    past.many(200, 64)
    for (const batch of [true, false]) {
      const parts = past.parts(0, { batch })
      expect(streamOf(parts.flatMap(messagesOf), 0)).toEqual(ticksOfA(1, 200))
      for (const { frames, ticks } of parts.slice(0, -1)) {
        const tickBytes = frames.length / ticks
        const counted = batch ? tickBytes : tickBytes + MESSAGE_OVERHEAD_BYTES_MAX
        expect(frames.length).toBeLessThan(partBytesMax + counted + MESSAGE_OVERHEAD_BYTES_MAX)
        expect((ticks + 2) * counted).toBeGreaterThan(partBytesMax)
      }
    }
  })

  it('ends where the scratch is full', () => {
    const past = new Past({ scratchBytes: 1 << 14 })
    past.many(300, 50)
    const parts = past.parts(0)
    expect(parts.length).toBeGreaterThan(2)
    expect(streamOf(parts.flatMap(messagesOf), 0)).toEqual(ticksOfA(1, 300))
  })

  it('has at least one tick, however small its bound is', () => {
    const past = new Past({ partBytesMax: 1 })
    past.many(5, 5)
    expect(past.parts(0).map(({ ticks }) => ticks)).toEqual([1, 1, 1, 1, 1])
  })
})

describe('a past that is written over', () => {
  it('is gone when its beginning was written over', () => {
    const past = new Past({ tickLogBytes: 1 << 14 })
    past.many(2000, 10)
    expect(past.next(begin(5))).toBeUndefined()
    past.many(20, 10)
    expect(past.next(begin(past.offset - 10))).toBeDefined()
  })

  it('is gone when its rest is written over between two parts', () => {
    const past = new Past({ tickLogBytes: 1 << 16, partBytesMax: 1000 })
    past.many(100, 10)
    const part = past.next(begin(0))!
    expect(part.ticks).toBeGreaterThan(0)
    past.many(4000, 10)
    expect(past.next(after(part))).toBeUndefined()
  })

  it.each([1, 5, 10, 11])(
    'is gone, though some of it was read, when the writer overtakes at tick %i',
    ticks => {
      const past = new Past({ tickLogBytes: 1 << 14 })
      past.many(20, 10)
      const { ofTick } = past.symbols
      let looks = 0
      past.symbols.ofTick = (...args) => {
        if (++looks === ticks) past.many(1000, 10)
        return ofTick.apply(past.symbols, args)
      }
      expect(past.next(begin(0), {}, 20)).toBeUndefined()
      expect(looks).toBeGreaterThanOrEqual(ticks)
    },
  )

  it('is gone when the writer overtakes the reader at an event', () => {
    const past = new Past({ tickLogBytes: 1 << 14 })
    past.lost('overload', 1)
    past.tick()
    const { isIntact } = TickLogHistory.prototype
    let looks = 0
    TickLogHistory.prototype.isIntact = function (this: TickLogHistory) {
      const result = isIntact.call(this)
      // After the second look the event is the current record.
      if (++looks === 2) {
        past.many(1000, 10)
        this.bytes.fill(0xff)
      }
      return result
    }
    try {
      expect(past.next(begin(0), {}, 2)).toBeUndefined()
    } finally {
      TickLogHistory.prototype.isIntact = isIntact
    }
    expect(looks).toBeGreaterThan(2)
  })
})
