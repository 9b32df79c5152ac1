/**
 * The past of a feed in a tick log, with the checkpoints of a lane, and replays of it by a ReplayReader.
 */
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import { encodeEvent, offsetsOf, type StreamEvent } from '../../src/lane-protocol/stream-events.js'
import { CONTINUITY_AT_START } from '../../src/memory/continuity-state.js'
import { CounterWriter } from '../../src/memory/counters.js'
import { FeedCheckpoints } from '../../src/memory/feed-checkpoints.js'
import { FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { allocateLaneMemory, copierOf } from '../../src/memory/lane-allocation.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { TickLogHistory } from '../../src/memory/tick-log-history.js'
import { type RecordType, STREAM_EVENT, TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'
import { LANE_SLOT_COUNT } from '../../src/metrics/metric-table.js'
import type { GapReason } from '../../src/protocol/messages.js'
import { marketCodec } from '../../src/ticks/market-codec.js'
import { MarketTick, QUOTE } from '../../src/ticks/market-tick.js'
import { TurnBuffer } from '../../workers/collect/turn-buffer.js'
import { Deflater } from '../../workers/compose/deflater.js'
import { FrameComposer } from '../../workers/compose/frame-composer.js'
import { FramePublisher } from '../../workers/compose/frame-publisher.js'
import { FeedContinuity } from '../../workers/read/feed-continuity.js'
import { KnownSymbol, SymbolTable } from '../../workers/read/symbol-table.js'
import { type ReplayPart, type ReplayRange, ReplayReader } from '../../workers/transfer/replay-reader.js'
import { frameTexts } from './frames.js'
import { type Message, streamOf } from './lane-messages.js'
import { encodeTick, encodeTickBatch, type Tick } from './proto-messages.js'
import { laneAudience, spec } from './specs.js'
import { sequences } from './ticks.js'

interface PastOptions {
  readonly tickLogBytes?: number
  readonly scratchBytes?: number
  readonly partBytesMax?: number
  readonly positionsTellLosses?: boolean
  readonly quarantined?: readonly number[]
  /** Offset of the last tick before these. */
  readonly offset?: number
}

/** Ticks that a feed has sent and a lane has read, with the checkpoints of the lane. */
export class Past {
  offset: number
  readonly symbols = new SymbolTable(
    (symbol, bytes, isKept) => new KnownSymbol(symbol, bytes, isKept, marketCodec),
  )
  private readonly log: TickLogWriter
  private readonly checkpoints: FeedCheckpoints
  private readonly live: FeedContinuity
  private readonly reader: ReplayReader<KnownSymbol>
  private readonly quarantined: ReadonlySet<number>

  constructor(options: PastOptions = {}) {
    const { positionsTellLosses = true, partBytesMax = 1 << 20 } = options
    const positions = { tellLosses: positionsTellLosses, areRepeated: false }
    this.offset = options.offset ?? 0
    this.quarantined = new Set(options.quarantined)
    const tickLog = new SharedArrayBuffer(tickLogBytes(options.tickLogBytes ?? 1 << 20))
    this.log = new TickLogWriter(tickLog, () => this.log.position)
    this.live = new FeedContinuity(CONTINUITY_AT_START, positions)
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
      positions,
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

  /** `count` ticks of A, some in each message. */
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
      symbol: 'A',
      kind: QUOTE,
      sequence: this.offset + 1 + index,
      ...tick,
    }))
  }

  private ticks(type: RecordType, ticks: readonly Partial<Tick>[], payload: Uint8Array): void {
    for (const [index, { kind, position = 0, sequence, sourceTimeNs = 0 }] of ticks.entries()) {
      const numbers = { sequenceLow: Number(sequence), timeLow: Number(sourceTimeNs) }
      const fields = Object.assign(new MarketTick(), { kind: kind! - 1, ...numbers })
      if (this.quarantined.has(this.offset + 1 + index)) this.live.lose(1)
      else this.live.take(Number(position), fields.mark)
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

  next(from: ReplayRange, wanted: Partial<AudienceSpec> = {}, end = this.offset): ReplayPart | undefined {
    return this.reader.next(from, laneAudience({ spec: spec(wanted) }), end)
  }

  /** All parts of the replay from `offset` on. */
  parts(offset: number, wanted: Partial<AudienceSpec> = {}): ReplayPart[] {
    const parts: ReplayPart[] = []
    let from = begin(offset)
    while (parts.length === 0 || from.offset < this.offset) {
      const part = this.next(from, wanted)
      if (part === undefined) throw new Error(`what is after ${from.offset} is gone`)
      parts.push(part)
      from = after(part)
    }
    return parts
  }

  /** The whole replay in short, see `streamOf`. */
  stream(offset: number, wanted: Partial<AudienceSpec> = {}): string[] {
    return streamOf(this.parts(offset, wanted).flatMap(messagesOf), 0)
  }
}

/** Where the replay of a client begins that has all ticks up to `offset`. */
export const begin = (offset: number): ReplayRange => ({
  offset,
  seq: 0,
  continuity: null,
  reached: offset,
  earlier: undefined,
})

/** The rest of the replay. */
export const after = ({ continuity, offset, seq }: ReplayPart): ReplayRange => ({
  ...begin(offset),
  seq,
  continuity,
})

export function messagesOf({ frames }: ReplayPart): Message[] {
  return frameTexts(frames).map(text => JSON.parse(text) as Message)
}

/** `A3` to `A7`. */
export const ticksOfA = (first: number, last: number) => sequences(first, last).map(offset => `A${offset}`)
