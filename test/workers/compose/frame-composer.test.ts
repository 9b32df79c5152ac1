import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CounterWriter } from '../../../src/memory/counters.js'
import { allocateLaneMemory, copierOf } from '../../../src/memory/lane-allocation.js'
import { laneLayout } from '../../../src/memory/lane-layout.js'
import { LANE_SLOT_COUNT } from '../../../src/metrics/metric-table.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../../src/protocol/envelope-format.js'
import { GAP_TEXT_BYTES_MAX, type GapReason } from '../../../src/protocol/messages.js'
import { marketCodec } from '../../../src/ticks/market-codec.js'
import { QUOTE_INDEX, TRADE_INDEX } from '../../../src/ticks/market-tick.js'
import { MarketTickReader } from '../../../src/ticks/market-tick-reader.js'
import { TICK_BYTES_DEFAULT } from '../../../src/ticks/tick-codec.js'
import { GAP_BYTES_MAX } from '../../../workers/collect/tick-collector.js'
import { TurnBuffer } from '../../../workers/collect/turn-buffer.js'
import { Deflater } from '../../../workers/compose/deflater.js'
import { FrameComposer } from '../../../workers/compose/frame-composer.js'
import { AudienceDirectory } from '../../../workers/conflate/audience-directory.js'
import { anySymbol } from '../../support/any-tick.js'
import { framesOf, frameTexts } from '../../support/frames.js'
import { laneAudience, spec } from '../../support/specs.js'

const LAYOUT = laneLayout(1 << 20, 60_000, 1 << 17)
const MAX = Number.MAX_SAFE_INTEGER

function begin(batch: boolean, seq: number, windowBits = 0) {
  const memory = allocateLaneMemory(LAYOUT.totalBytes)
  const bytes = new Uint8Array(memory.buffer)
  const turn = new TurnBuffer(bytes, LAYOUT, marketCodec)
  const audience = laneAudience({ spec: spec({ batch, windowBits }), seq })
  const counters = new CounterWriter(new BigInt64Array(LANE_SLOT_COUNT))
  const deflater = new Deflater(bytes, { bytesMin: 160, level: 6 }, counters)
  const composer = new FrameComposer(bytes, copierOf(memory), turn, deflater)
  const symbols = new AudienceDirectory(marketCodec).symbols

  function addTick(symbol: string, offset: number, last = 1.5): number {
    const name = Buffer.from(symbol)
    const tick = Object.assign(new MarketTickReader(new Uint8Array()), {
      kind: TRADE_INDEX,
      sequenceLow: offset | 0,
      last,
      lastSize: 2,
    })
    return turn.addJson(tick, symbols.ofTick(name, 0, name.length)!, offset, offset * 2)
  }
  function gatherTick(symbol: string, offset: number, last?: number): void {
    const tick = addTick(symbol, offset, last)
    audience.addTick(tick, turn.ticks.json.bytesOf(tick) + (batch ? 0 : MESSAGE_OVERHEAD_BYTES_MAX))
  }
  function gatherGap(reason: GapReason, from: number, to: number, missed: number | null): void {
    audience.addNotice(turn.notices.push({ reason, from, to, missed }) - 1, GAP_BYTES_MAX)
  }
  /** The composed frames, after a check that they stay within the reserved bytes. */
  function compose(): Record<string, unknown>[] {
    const at = LAYOUT.framesStart + 11
    const end = composer.compose(audience, audience, at)
    expect(end - at).toBeLessThanOrEqual(audience.planBytes + MESSAGE_OVERHEAD_BYTES_MAX)
    if (windowBits === 0) expect(bytes[end]).toBe(0)
    return frameTexts(bytes.slice(at, end), windowBits).map(text => JSON.parse(text))
  }
  return { addTick, audience, bytes, compose, composer, gatherGap, gatherTick, turn }
}

describe('the frame composer', () => {
  it('puts the ticks of a turn into one message, and begins a new one after a gap', () => {
    const { addTick, audience, compose, gatherGap, gatherTick } = begin(true, 41)
    gatherTick('A', 10)
    addTick('B', 11)
    gatherTick('C', 12)
    gatherGap('upstream', 13, 12, 4)
    gatherGap('malformed', 13, 13, 1)
    gatherTick('A', 14)
    gatherTick('A', 15)
    const tick = (symbol: string, sequence: number) => ({
      symbol,
      kind: 'trade',
      sequence,
      time: 0,
      last: 1.5,
      lastSize: 2,
    })
    expect(compose()).toEqual([
      { type: 'ticks', seq: 42, offset: 12, ticks: [tick('A', 10), tick('C', 12)] },
      { type: 'gap', reason: 'upstream', from: 13, to: 12, missed: 4, seq: 42 },
      { type: 'gap', reason: 'malformed', from: 13, to: 13, missed: 1, seq: 42 },
      { type: 'ticks', seq: 43, offset: 15, ticks: [tick('A', 14), tick('A', 15)] },
    ])
    expect(audience.seq).toBe(43)
  })

  it('makes a message of each tick without batches', () => {
    const { addTick, audience, compose, gatherGap, gatherTick } = begin(false, 0)
    gatherTick('A', 1)
    gatherTick('B', 2)
    addTick('C', 3)
    gatherGap('poison', 4, 4, 1)
    gatherTick('D', 5)
    expect(compose()).toMatchObject([
      { type: 'ticks', seq: 1, offset: 1, ticks: [{ symbol: 'A' }] },
      { type: 'ticks', seq: 2, offset: 2, ticks: [{ symbol: 'B' }] },
      { type: 'gap', seq: 2, from: 4, to: 4 },
      { type: 'ticks', seq: 3, offset: 5, ticks: [{ symbol: 'D' }] },
    ])
    expect(audience.seq).toBe(3)
  })

  it('compresses the messages of an audience with compression, but neither short ones nor gaps', () => {
    for (const batch of [true, false]) {
      const { audience, bytes, composer, gatherGap, gatherTick } = begin(batch, 0, 13)
      gatherTick('A'.repeat(60), 1)
      gatherGap('upstream', 2, 1, MAX)
      gatherTick('B', 2)
      const end = composer.compose(audience, audience, LAYOUT.framesStart)
      const frames = bytes.slice(LAYOUT.framesStart, end)
      expect(framesOf(frames).map(({ first }) => first)).toEqual([0xc1, 0x81, 0x81])
      expect(frameTexts(frames, 13).map(text => JSON.parse(text))).toMatchObject([
        { type: 'ticks', seq: 1, offset: 1, ticks: [{ symbol: 'A'.repeat(60), sequence: 1 }] },
        { type: 'gap', from: 2, missed: MAX },
        { type: 'ticks', seq: 2, offset: 2, ticks: [{ symbol: 'B' }] },
      ])
      expect(audience.seq).toBe(2)
    }
  })

  it('never writes more than is reserved, whatever the plan holds', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ symbol: anySymbol, isWanted: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ missed: fc.constantFrom(null, 1, MAX) }) },
    )
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(0, 9, 13),
        fc.array(step, { minLength: 1, maxLength: 60 }),
        (batch, isFar, windowBits, steps) => {
          const { addTick, compose, gatherGap, gatherTick } = begin(batch, isFar ? MAX - 100 : 0, windowBits)
          let offset = isFar ? MAX - 100 : 0
          const expected: (string | number)[] = []
          for (const step of steps) {
            offset++
            if ('missed' in step) {
              gatherGap('malformed', offset, offset, step.missed)
              expected.push('gap')
            } else if (step.isWanted) {
              gatherTick(step.symbol, offset, -0.0000012345678901234567)
              expected.push(step.symbol)
            } else addTick(step.symbol, offset)
          }
          const composed = compose().flatMap(message =>
            message.type === 'gap'
              ? ['gap']
              : (message.ticks as { symbol: string }[]).map(({ symbol }) => symbol),
          )
          expect(composed).toEqual(expected)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('writes large turns whole, in frames of every header length', () => {
    for (const count of [1, 2, 800]) {
      const { compose, gatherTick } = begin(true, 0)
      for (let offset = 1; offset <= count; offset++) gatherTick(count === 1 ? 'A' : 'A'.repeat(60), offset)
      expect((compose()[0]!.ticks as unknown[]).length).toBe(count)
    }
  })

  it('has a bound for gaps that the longest gap keeps', () => {
    for (const reason of ['upstream', 'malformed', 'overload', 'poison', 'slow'] as const) {
      const { audience, bytes, composer, gatherGap } = begin(true, MAX)
      gatherGap(reason, MAX, MAX, MAX)
      const length = composer.compose(audience, audience, LAYOUT.framesStart) - LAYOUT.framesStart
      expect(length).toBeLessThanOrEqual(GAP_TEXT_BYTES_MAX + 10)
      expect(frameTexts(bytes.slice(LAYOUT.framesStart, LAYOUT.framesStart + length)).length).toBe(1)
    }
  })
})

describe('a turn', () => {
  it('has room until its scratch or its list of ticks is full', () => {
    const small = laneLayout(1 << 16, 2000, 8 * (TICK_BYTES_DEFAULT + 3))
    const bytes = new Uint8Array(small.totalBytes + 8).fill(0xee, small.totalBytes)
    const turn = new TurnBuffer(bytes, small, marketCodec)
    const name = Buffer.from('\u0001'.repeat(64))
    const symbol = new AudienceDirectory(marketCodec).symbols.ofTick(name, 0, name.length)!
    const tick = Object.assign(new MarketTickReader(new Uint8Array()), {
      kind: QUOTE_INDEX,
      bid: 1 / 3,
      ask: 1 / 3,
      bidSize: 1 / 3,
      askSize: 1 / 3,
    })
    let count = 0
    for (; turn.hasRoom(); count++) expect(turn.addJson(tick, symbol, count, 5)).toBe(count)
    expect(count).toBeGreaterThanOrEqual(3)
    expect(turn.ticks.json.end).toBeLessThanOrEqual(turn.ticks.protobuf.end)
    expect([...bytes.subarray(small.totalBytes)]).toEqual(new Array(8).fill(0xee))
    turn.clear()
    expect(turn.hasRoom()).toBe(true)
    expect(turn.addJson(tick, symbol, 9, 5)).toBe(0)
    expect(turn.ticks.json.starts[0]).toBe(small.scratchStart)
    const longest = marketCodec.createReader(new Uint8Array(TICK_BYTES_DEFAULT).fill(0xaa))
    for (count = 0; turn.hasRoom(); count++)
      expect(turn.addProtobuf(longest, 0, TICK_BYTES_DEFAULT, 9, 5)).toBe(count)
    expect(count).toBeGreaterThanOrEqual(3)
    expect([...bytes.subarray(small.totalBytes)]).toEqual(new Array(8).fill(0xee))
  })

  it('keeps each tick with a comma, its offset and its arrival', () => {
    const { addTick, bytes, turn } = begin(true, 0)
    const texts = [3, 4].map(offset => {
      const tick = addTick('A', offset)
      expect([turn.ticks.json.offsets[tick], turn.ticks.json.receivedUs[tick]]).toEqual([offset, offset * 2])
      const start = turn.ticks.json.starts[tick]!
      return Buffer.from(bytes.slice(start, start + turn.ticks.json.bytesOf(tick))).toString()
    })
    expect(JSON.parse(`[${texts.join('')}0]`)).toMatchObject([{ sequence: 3 }, { sequence: 4 }, 0])
  })
})
