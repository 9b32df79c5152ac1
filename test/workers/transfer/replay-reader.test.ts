import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AudienceSpec } from '../../../src/lane-protocol/audience-spec.js'
import type { ReplayPosition } from '../../../src/lane-protocol/lane-commands.js'
import { encodeEvent, offsetsOf, type StreamEvent } from '../../../src/lane-protocol/stream-events.js'
import { CONTINUITY_AT_START } from '../../../src/memory/continuity-state.js'
import { CounterWriter } from '../../../src/memory/counters.js'
import { CHECKPOINT_TICKS, FeedCheckpoints } from '../../../src/memory/feed-checkpoints.js'
import { FrameRingReader } from '../../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../../src/memory/frame-ring-writer.js'
import { allocateLaneMemory, copierOf } from '../../../src/memory/lane-allocation.js'
import { laneLayout } from '../../../src/memory/lane-layout.js'
import { TickLogHistory } from '../../../src/memory/tick-log-history.js'
import { type RecordType, STREAM_EVENT, TICK, TICK_BATCH } from '../../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../../src/memory/tick-log-writer.js'
import { LANE_SLOT_COUNT } from '../../../src/metrics/metric-table.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../../src/protocol/envelope-format.js'
import type { GapReason } from '../../../src/protocol/messages.js'
import { marketCodec } from '../../../src/ticks/market-codec.js'
import { MarketTick, QUOTE } from '../../../src/ticks/market-tick.js'
import { LaneAudience } from '../../../workers/collect/lane-audience.js'
import { TurnBuffer } from '../../../workers/collect/turn-buffer.js'
import { Deflater } from '../../../workers/compose/deflater.js'
import { FrameComposer } from '../../../workers/compose/frame-composer.js'
import { FramePublisher } from '../../../workers/compose/frame-publisher.js'
import { FeedContinuity, markOf } from '../../../workers/read/feed-continuity.js'
import { SymbolEntry, SymbolTable } from '../../../workers/read/symbol-table.js'
import { type ReplayPart, ReplayReader } from '../../../workers/transfer/replay-reader.js'
import { framesOf, frameTexts } from '../../support/frames.js'
import { type Message, streamOf } from '../../support/lane-messages.js'
import { decodeTicksMessage, encodeTick, encodeTickBatch, type Tick } from '../../support/proto-messages.js'
import { audienceState, spec } from '../../support/specs.js'
import { sequences } from '../../support/ticks.js'

/** Ticks that one part may look at, as the replayer has it. */
const PART_TICKS_MAX = 1024

interface PastOptions {
  readonly tickLogBytes?: number
  readonly scratchBytes?: number
  readonly partBytesMax?: number
  readonly positionsTellLosses?: boolean
  readonly quarantined?: readonly number[]
  /** Of the last tick before all others here. */
  readonly offset?: number
}

/** What a feed has sent and a lane has read, with the checkpoints that the lane made. */
class Past {
  offset: number
  readonly symbols = new SymbolTable((symbol, bytes) => new SymbolEntry(symbol, bytes, marketCodec))
  private readonly log: TickLogWriter
  private readonly checkpoints: FeedCheckpoints
  private readonly live: FeedContinuity
  private readonly reader: ReplayReader<SymbolEntry>
  private readonly quarantined: ReadonlySet<number>

  constructor(options: PastOptions = {}) {
    const { positionsTellLosses = true, partBytesMax = 1 << 20 } = options
    this.offset = options.offset ?? 0
    this.quarantined = new Set(options.quarantined)
    const tickLog = new SharedArrayBuffer(tickLogBytes(options.tickLogBytes ?? 1 << 20))
    this.log = new TickLogWriter(tickLog, () => this.log.position)
    this.live = new FeedContinuity(CONTINUITY_AT_START, positionsTellLosses)
    const layout = laneLayout(1 << 22, 1 << 18, options.scratchBytes ?? 1 << 20)
    const shared = allocateLaneMemory(layout.totalBytes)
    const memory = shared.buffer
    this.checkpoints = new FeedCheckpoints(memory, layout, this.offset)
    // Gives the lane its segments.
    new FrameRingReader(memory, layout)
    const ring = new FrameRingWriter(memory, layout)
    const turn = new TurnBuffer(ring.bytes, layout, marketCodec)
    const counters = new CounterWriter(new BigInt64Array(LANE_SLOT_COUNT))
    const deflater = new Deflater(ring.bytes, { bytesMin: 0, level: 1 }, counters)
    this.reader = new ReplayReader({
      codec: marketCodec,
      history: new TickLogHistory(tickLog),
      checkpoints: this.checkpoints,
      symbols: this.symbols,
      quarantined: this.quarantined,
      positionsTellLosses,
      turn,
      composer: new FrameComposer(ring.bytes, copierOf(shared), turn, deflater),
      publisher: new FramePublisher(
        ring,
        () => {
          throw new Error('a replay waits for room')
        },
        () => {},
      ),
      partBytesMax,
    })
  }

  // Into the log

  /** Ticks that come in one message; their sequences are their offsets. */
  batch(ticks: readonly Partial<Tick>[]): void {
    const whole = this.whole(ticks)
    this.ticks(TICK_BATCH, whole, encodeTickBatch({ ticks: whole }))
  }

  tick(tick: Partial<Tick> = {}): void {
    const whole = this.whole([tick])
    this.ticks(TICK, whole, encodeTick(whole[0]!))
  }

  /** So many ticks of A, in messages of so many. */
  many(count: number, perMessage: number): void {
    for (let left = count; left > 0; left -= perMessage)
      this.batch(Array.from({ length: Math.min(left, perMessage) }, () => ({})))
  }

  malformed(): void {
    this.live.lose(1)
    this.put(TICK, 1, new Uint8Array(0), 1)
  }

  lost(reason: GapReason, missed: number | null): void {
    this.live.lose(missed ?? 0)
    this.event({ op: 'lost', reason, missed })
  }

  /** Ticks that never came. */
  gap(missed: number | null): void {
    this.live.lose(missed ?? 0)
    this.event({ op: 'lost', reason: 'upstream', missed, isUnnumbered: true })
  }

  session(continuous: boolean): void {
    const session = { op: 'session', first: false, continuous } as const
    this.live.sessionStarted(session)
    this.event(session)
  }

  private event(event: StreamEvent): void {
    this.put(STREAM_EVENT, 0, encodeEvent(event), offsetsOf(event))
  }

  private whole(ticks: readonly Partial<Tick>[]): Partial<Tick>[] {
    return ticks.map((tick, index) => ({
      ...{ symbol: 'A', kind: QUOTE, sequence: this.offset + 1 + index },
      ...tick,
    }))
  }

  private ticks(type: RecordType, ticks: readonly Partial<Tick>[], payload: Uint8Array): void {
    for (const [index, { kind, position = 0, sequence, sourceTimeNs = 0 }] of ticks.entries()) {
      const numbers = { sequenceLow: Number(sequence), timeLow: Number(sourceTimeNs) }
      const fields = Object.assign(new MarketTick(), { kind: kind! - 1, ...numbers })
      if (this.quarantined.has(this.offset + 1 + index)) this.live.lose(1)
      else this.live.take(Number(position), markOf(fields))
    }
    this.put(type, ticks.length, payload, ticks.length)
    if (!this.checkpoints.isDue(this.offset)) return
    this.checkpoints.add(this.offset, this.live)
  }

  private put(type: RecordType, count: number, payload: Uint8Array, offsets: number): void {
    this.log.tryAppend(type, count, this.offset + 1, 1, payload, 0, payload.length)
    this.offset += offsets
  }

  // Out of it again

  next(from: ReplayPosition, wanted: Partial<AudienceSpec> = {}, end = this.offset): ReplayPart | undefined {
    return this.reader.next(from, new LaneAudience(audienceState({ spec: spec(wanted) })), end)
  }

  /** All parts of the replay from `offset` on. */
  parts(offset: number, wanted: Partial<AudienceSpec> = {}): ReplayPart[] {
    const parts: ReplayPart[] = []
    let from = begin(offset)
    while (parts.length === 0 || from.offset < this.offset) {
      const part = this.next(from, wanted)
      if (part === undefined) throw new Error(`what is after ${from.offset} is gone`)
      parts.push(part)
      from = part.position
    }
    return parts
  }

  /** All of that as a stream in short, see `streamOf`. */
  stream(offset: number, wanted: Partial<AudienceSpec> = {}): string[] {
    return streamOf(this.parts(offset, wanted).flatMap(messagesOf), 0)
  }
}

/** Where a client begins that had all up to `offset`. */
const begin = (offset: number): ReplayPosition => ({ offset, seq: 0, continuity: null })

function messagesOf({ frames }: ReplayPart): Message[] {
  return frameTexts(frames).map(text => JSON.parse(text) as Message)
}

/** `A3` to `A7`. */
const ticksOfA = (first: number, last: number) => sequences(first, last).map(offset => `A${offset}`)

describe('a replay', () => {
  it('has every tick after the offset, and says how far it goes', () => {
    const past = new Past()
    past.many(40, 7)
    past.tick()
    for (const offset of [0, 1, 6, 7, 8, 39, 40]) {
      const part = past.next(begin(offset))!
      expect(streamOf(messagesOf(part), 0)).toEqual(ticksOfA(offset + 1, 41))
      expect([part.ticks, part.messages]).toEqual([41 - offset, 1])
      expect(part.position).toEqual({ offset: 41, seq: 1, continuity: CONTINUITY_AT_START })
    }
  })

  it('is empty for a client that has missed nothing', () => {
    const past = new Past()
    expect(past.next(begin(0))).toMatchObject({ ticks: 0, messages: 0, position: { offset: 0 } })
    past.many(10, 3)
    const part = past.next({ offset: 10, seq: 0, continuity: null })!
    expect(part).toMatchObject({ ticks: 0, messages: 0, position: { offset: 10, seq: 0 } })
    expect(part.frames).toHaveLength(0)
  })

  it('ends where the live stream begins, though the record goes on', () => {
    const past = new Past()
    past.many(10, 10)
    const part = past.next(begin(2), {}, 7)!
    expect(streamOf(messagesOf(part), 0)).toEqual(ticksOfA(3, 7))
    const rest = past.next(part.position)!
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
        expect(parts.at(-1)!.position).toMatchObject({
          offset: 3000,
          seq: parts.filter(({ ticks }) => ticks > 0).length,
        })
      }
    },
  )

  it('begins with an empty part where finding its beginning has taken all the time of one', () => {
    const past = new Past()
    for (const count of [CHECKPOINT_TICKS, CHECKPOINT_TICKS - 1, 128])
      for (let left = count; left > 0; left -= 128) {
        past.batch(
          sequences(past.offset + 1, past.offset + Math.min(left, 128)).map(position => ({ position })),
        )
      }
    // The last checkpoint before is the one after tick 1024.
    const [first, second] = past.parts(2174)
    const continuity = { ...CONTINUITY_AT_START, lastPosition: 2174, lastMark: expect.any(Number) }
    expect(first).toMatchObject({ ticks: 0, messages: 0, position: { offset: 2174, seq: 0, continuity } })
    expect(streamOf(messagesOf(second!), 0)).toEqual(['A2175'])
  })

  it('has the ticks that the client wants one by one, and no others', () => {
    const past = new Past()
    past.batch(['A', 'B', 'C', 'AB', 'A'].map(symbol => ({ symbol })))
    const latest = [{ intervalMs: 0, symbols: ['B'] }]
    expect(past.stream(0, { symbols: ['A'], latest })).toEqual(['A1', 'A5'])
    expect(past.stream(0, { symbols: ['A*', 'B'] })).toEqual(['A1', 'B2', 'AB4', 'A5'])
    expect(past.stream(0, { symbols: ['X'] })).toEqual([])
    expect(past.stream(0)).toEqual(['A1', 'B2', 'C3', 'AB4', 'A5'])
  })

  it('has a message for each tick where that is asked for, and goes on with its numbers', () => {
    const past = new Past()
    past.many(5, 2)
    const part = past.next({ offset: 1, seq: 70, continuity: CONTINUITY_AT_START }, { batch: false })!
    expect(
      messagesOf(part).map(message => message.type === 'ticks' && [message.seq, message.offset]),
    ).toEqual([
      [71, 2],
      [72, 3],
      [73, 4],
      [74, 5],
    ])
    expect(part).toMatchObject({ ticks: 4, messages: 4, position: { offset: 5, seq: 74 } })
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

  it('has at least one tick, however small its bound', () => {
    const past = new Past({ partBytesMax: 1 })
    past.many(5, 5)
    expect(past.parts(0).map(({ ticks }) => ticks)).toEqual([1, 1, 1, 1, 1])
  })
})

describe('losses in a replay', () => {
  const positions = (...all: number[]) => all.map(position => ({ position }))

  it('are told once, before the tick that they were found at', () => {
    const past = new Past()
    past.batch(positions(10, 11, 15, 16))
    past.batch(positions(19))
    expect(past.stream(0)).toEqual(['A1', 'A2', 'upstream:3-2:3', 'A3', 'A4', 'upstream:5-4:2', 'A5'])
    expect(past.stream(2)).toEqual(['upstream:3-2:3', 'A3', 'A4', 'upstream:5-4:2', 'A5'])
    expect(past.stream(3)).toEqual(['A4', 'upstream:5-4:2', 'A5'])
    expect(past.stream(4)).toEqual(['upstream:5-4:2', 'A5'])
    expect(past.stream(5)).toEqual([])
  })

  it('are those that were told live, also where the checkpoint says what was before', () => {
    const past = new Past()
    past.batch(Array.from({ length: CHECKPOINT_TICKS }, (_, tick) => ({ position: 100 + tick })))
    past.batch(positions(1130, 1131))
    // Of the position before, only the checkpoint knows.
    expect(past.stream(1024)).toEqual(['upstream:1025-1024:6', 'A1025', 'A1026'])
    expect(past.stream(1025)).toEqual(['A1026'])
  })

  it('are found between two parts', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch(positions(1, 2))
    past.batch(positions(5))
    const [first, second, third] = past.parts(0)
    expect(second!.position.continuity).toMatchObject({
      lastPosition: 2,
      lostSincePosition: 0,
      atSessionBoundary: false,
    })
    expect(messagesOf(first!)).toHaveLength(1)
    expect(messagesOf(third!)).toMatchObject([
      { type: 'gap', missed: 2, seq: 2 },
      { type: 'ticks', seq: 3 },
    ])
  })

  it('of unknown size are told at the first tick after a session boundary', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch(positions(500))
    past.session(false)
    past.batch(positions(7, 8))
    for (const offset of [0, 1])
      expect(past.stream(offset).slice(1 - offset)).toEqual(['upstream:2-1:null', 'A2', 'A3'])
    expect(past.stream(2)).toEqual(['A3'])
  })

  it('of unknown size are told where the checkpoint lies on the session boundary', () => {
    const past = new Past()
    past.many(CHECKPOINT_TICKS, 128)
    past.session(true)
    past.tick()
    past.tick()
    // A feed without positions that goes on leaves a session boundary.
    expect(past.stream(1024)).toEqual(['upstream:1025-1024:null', 'A1025', 'A1026'])
    expect(past.stream(1025)).toEqual(['A1026'])
  })

  it('of ticks that never came into the log take their offsets, and their positions are no further loss', () => {
    const past = new Past()
    past.batch(positions(1, 2))
    past.lost('overload', 3)
    past.batch(positions(6, 7))
    past.lost('malformed', null)
    past.batch(positions(8))
    const all = ['A1', 'A2', 'overload:3-5:3', 'A6', 'A7', 'malformed:8-8:null', 'A9']
    expect(past.stream(0)).toEqual(all)
    expect(past.stream(2)).toEqual(all.slice(2))
    expect(past.stream(5)).toEqual(all.slice(3))
    expect(past.stream(8)).toEqual(all.slice(6))
  })

  it('of ticks that are none, or that killed lanes, are told in their places', () => {
    const past = new Past({ quarantined: [3] })
    past.batch(positions(1))
    past.malformed()
    past.batch(positions(3, 4))
    past.batch([{ symbol: '', position: 5 }])
    past.batch(positions(6))
    const all = ['A1', 'malformed:2-2:1', 'poison:3-3:1', 'A4', 'malformed:5-5:1', 'A6']
    expect(past.stream(0)).toEqual(all)
    expect(past.stream(1)).toEqual(all.slice(1))
    expect(past.stream(2)).toEqual(all.slice(2))
    expect(past.stream(3)).toEqual(all.slice(3))
  })

  it('are none where the feed sent again what was there', () => {
    const past = new Past()
    past.batch(positions(1, 2))
    past.session(true)
    past.batch([{ position: 1, sequence: 1 }, { position: 2, sequence: 2 }, { position: 3 }])
    expect(past.stream(0)).toEqual(['A1', 'A2', 'A5'])
    expect(past.stream(3)).toEqual(['A5'])
  })

  it('of unknown size are told where the count is broken, wherever the replay begins', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch(positions(1, 2, 2 ** 53 - 1, 3, 5, 6, 1))
    const all = [
      ...['A1', 'A2', 'upstream:3-2:null', 'A3', 'upstream:4-3:null', 'A4'],
      ...['upstream:5-4:null', 'A5', 'A6', 'upstream:7-6:null', 'A7'],
    ]
    expect(past.stream(0)).toEqual(all)
    for (const [offset, first] of [2, 4, 6, 8, 9].entries())
      expect(past.stream(offset + 2)).toEqual(all.slice(first))
  })

  it('are none where positions have holes by nature', () => {
    const past = new Past({ positionsTellLosses: false })
    past.batch(positions(1, 5, 3))
    expect(past.stream(0)).toEqual(['A1', 'A2', 'A3'])
  })
})

describe('what is to be replayed', () => {
  it('is gone when its beginning was written over', () => {
    const past = new Past({ tickLogBytes: 1 << 14 })
    past.many(2000, 10)
    expect(past.next(begin(5))).toBeUndefined()
    past.many(CHECKPOINT_TICKS - (past.offset % CHECKPOINT_TICKS), 10)
    past.many(20, 10)
    expect(past.next(begin(past.offset - 10))).toBeDefined()
  })

  it('is gone when the rest is written over between two parts', () => {
    const past = new Past({ tickLogBytes: 1 << 16, partBytesMax: 1000 })
    past.many(100, 10)
    const part = past.next(begin(0))!
    expect(part.ticks).toBeGreaterThan(0)
    past.many(4000, 10)
    expect(past.next(part.position)).toBeUndefined()
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

  it('is gone when the writer overtakes at an event, whatever stands there then', () => {
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

  it('is gone when nobody knows any more what was before it', () => {
    const past = new Past({ offset: 5_000_000 })
    past.many(10, 10)
    expect(past.next(begin(5_000_005))).toBeUndefined()
    past.many(CHECKPOINT_TICKS, 128)
    expect(past.stream(past.offset - 3)).toHaveLength(3)
  })
})

describe('a replay from any offset', () => {
  it('is the end of the whole stream, in parts of any size', () => {
    const deed = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          steps: fc.array(
            fc.constantFrom<number | 'wild' | 'again'>(...[1, 1, 1, 1, 0, 2, 5, -2], 'wild', 'again'),
            {
              minLength: 1,
              maxLength: 128,
            },
          ),
        }),
      },
      { weight: 2, arbitrary: fc.record({ many: fc.integer({ min: 1, max: 1500 }) }) },
      { weight: 2, arbitrary: fc.record({ malformed: fc.constant(true) }) },
      {
        weight: 1,
        arbitrary: fc.record({ lost: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 2000 })) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ gap: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 9 })) }),
      },
      { weight: 1, arbitrary: fc.record({ continuous: fc.boolean() }) },
    )
    fc.assert(
      fc.property(
        fc.array(deed, { minLength: 1, maxLength: 12 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(200, 5000, 1 << 20),
        (deeds, cuts, partBytesMax) => {
          const past = new Past({ partBytesMax })
          let sent = 1
          let lastSequence = 0
          for (const each of deeds) {
            if ('steps' in each) {
              past.batch(
                each.steps.map((step, index) => {
                  if (step === 'wild') return { position: Number.MAX_SAFE_INTEGER }
                  const sequence = past.offset + 1 + index
                  // Sequences are offsets: of the tick before once more the time makes up for that in its mark.
                  if (step === 'again')
                    return { position: sent, sourceTimeNs: (lastSequence << 2) ^ (sequence << 2) }
                  sent = Math.max(1, sent + step)
                  lastSequence = sequence
                  return { position: sent }
                }),
              )
            } else if ('many' in each) {
              for (let left = each.many; left > 0; left -= 100)
                past.batch(Array.from({ length: Math.min(left, 100) }, () => ({ position: ++sent })))
            } else if ('malformed' in each) past.malformed()
            else if ('lost' in each) past.lost('overload', each.lost)
            else if ('gap' in each) past.gap(each.gap)
            else past.session(each.continuous)
          }
          const all = past.stream(0)
          for (const cut of cuts) {
            const offset = cut % (past.offset + 1)
            expect(past.stream(offset)).toEqual(all.filter(text => toldAt(text) > offset))
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  /** Whoever has all up to the offset before has not been told. */
  function toldAt(text: string): number {
    const [, reason, from, to] = /^(\w+):(\d+)-(\d+):/.exec(text) ?? []
    if (reason === undefined) return Number(text.slice(1))
    return reason === 'upstream' ? Number(from) : Number(to)
  }
})
