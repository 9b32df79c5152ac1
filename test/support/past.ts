/** The past of a feed in a tick log, and replays of it by a ReplayReader. */
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import { encodeEvent, type LostEvent } from '../../src/lane-protocol/stream-events.js'
import { CounterWriter } from '../../src/memory/counters.js'
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
import { QUOTE } from '../../src/ticks/market-tick.js'
import { TurnBuffer } from '../../workers/collect/turn-buffer.js'
import { Deflater } from '../../workers/compose/deflater.js'
import { FrameComposer } from '../../workers/compose/frame-composer.js'
import { FramePublisher } from '../../workers/compose/frame-publisher.js'
import { KnownEpochs } from '../../workers/read/known-epochs.js'
import { KnownSymbol, SymbolTable } from '../../workers/read/symbol-table.js'
import type { ReplayRange } from '../../workers/transfer/part-reading.js'
import { type ReplayPart, ReplayReader } from '../../workers/transfer/replay-reader.js'
import { frameTexts } from './frames.js'
import { type Message, streamOf } from './lane-messages.js'
import { encodeTick, encodeTickBatch, type Tick } from './proto-messages.js'
import { laneAudience, spec } from './specs.js'
import { sequences } from './ticks.js'

interface PastOptions {
  readonly tickLogBytes?: number
  readonly scratchBytes?: number
  readonly partBytesMax?: number
  readonly quarantined?: readonly number[]
  /** Offset of the last tick before these. */
  readonly offset?: number
}

/** Ticks that a feed has sent and a lane has read. */
export class Past {
  /** Of the last tick or loss in the log. */
  serial: number
  offset: number
  private epoch = 0
  readonly symbols = new SymbolTable(
    (symbol, bytes, isKept) => new KnownSymbol(symbol, bytes, isKept, marketCodec),
  )
  private readonly log: TickLogWriter
  private readonly reader: ReplayReader<KnownSymbol>

  constructor(options: PastOptions = {}) {
    const { partBytesMax = 1 << 20 } = options
    this.serial = options.offset ?? 0
    this.offset = this.serial
    const tickLog = new SharedArrayBuffer(tickLogBytes(options.tickLogBytes ?? 1 << 20))
    this.log = new TickLogWriter(tickLog, () => this.log.position)
    const layout = laneLayout(1 << 22, 1 << 18, options.scratchBytes ?? 1 << 20)
    const shared = allocateLaneMemory(layout.totalBytes)
    const memory = shared.buffer
    // Gives the lane its segments.
    new FrameRingReader(memory, layout)
    const ring = new FrameRingWriter(memory, layout)
    const turn = new TurnBuffer(ring.bytes, layout, marketCodec)
    const counters = new CounterWriter(new BigInt64Array(LANE_SLOT_COUNT))
    const deflater = new Deflater(ring.bytes, { bytesMin: 0, level: 1 }, counters)
    this.reader = new ReplayReader({
      codec: marketCodec,
      epochs: new KnownEpochs([{ epoch: { number: 0, name: 'e', isShared: false }, serial: 0 }]),
      history: new TickLogHistory(tickLog),
      symbols: this.symbols,
      quarantined: new Set(options.quarantined),
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
    this.put(TICK_BATCH, whole.length, encodeTickBatch({ ticks: whole }))
  }

  tick(tick: Partial<Tick> = {}): void {
    const whole = this.whole([tick])
    this.put(TICK, 1, encodeTick(whole[0]!))
  }

  /** `count` ticks of A, some in each message. */
  many(count: number, perMessage: number): void {
    for (let left = count; left > 0; left -= perMessage)
      this.batch(Array.from({ length: Math.min(left, perMessage) }, () => ({})))
  }

  malformed(): void {
    this.put(TICK, 1, new Uint8Array(0))
  }

  /** Ticks that have offsets. */
  lost(reason: GapReason, missed: number | null): void {
    const to = this.offset + (missed ?? 1)
    this.event({ op: 'lost', reason, missed, from: this.offset + 1, to, offset: to })
  }

  /** Ticks that never came. */
  gap(missed: number | null): void {
    const { offset } = this
    this.event({ op: 'lost', reason: 'upstream', missed, from: offset + 1, to: offset, offset: offset + 1 })
  }

  /** Positions have a hole, and so have offsets. */
  hole(missed: number): void {
    const to = this.offset + missed
    this.event({ op: 'lost', reason: 'upstream', missed, from: this.offset + 1, to, offset: to })
  }

  /** An epoch begins. @param from its first offset */
  beginEpoch(name: string, from: number): void {
    const epoch = { number: ++this.epoch, name, isShared: true }
    const to = from - 1
    this.event({ op: 'lost', reason: 'upstream', missed: null, from, to, offset: to, epoch })
  }

  private event(event: LostEvent): void {
    const payload = encodeEvent(event)
    this.log.tryAppend(STREAM_EVENT, 0, ++this.serial, 0, 1, payload, 0, payload.length)
    this.offset = event.offset
  }

  private whole(ticks: readonly Partial<Tick>[]): Partial<Tick>[] {
    return ticks.map((tick, index) => ({
      symbol: 'A',
      kind: QUOTE,
      sequence: this.offset + 1 + index,
      ...tick,
    }))
  }

  private put(type: RecordType, count: number, payload: Uint8Array): void {
    this.log.tryAppend(type, count, this.serial + 1, this.offset + 1, 1, payload, 0, payload.length)
    this.serial += count
    this.offset += count
  }

  // Out of it again

  next(from: ReplayRange, wanted: Partial<AudienceSpec> = {}, end = this.serial): ReplayPart | undefined {
    return this.reader.next(from, laneAudience({ spec: spec(wanted) }), end)
  }

  /** All parts of the replay from a serial number on. */
  parts(serial: number, wanted: Partial<AudienceSpec> = {}): ReplayPart[] {
    const parts: ReplayPart[] = []
    let from = begin(serial)
    while (parts.length === 0 || from.serial < this.serial) {
      const part = this.next(from, wanted)
      if (part === undefined) throw new Error(`what is after ${from.serial} is gone`)
      parts.push(part)
      from = after(part)
    }
    return parts
  }

  /** The whole replay in short, see `streamOf`. */
  stream(serial: number, wanted: Partial<AudienceSpec> = {}): string[] {
    return streamOf(this.parts(serial, wanted).flatMap(messagesOf), 0)
  }
}

/** Where the replay of a client begins that has everything up to a serial number; offsets are the same. */
export const begin = (serial: number): ReplayRange => ({
  serial,
  offset: serial,
  epoch: 0,
  seq: 0,
  reached: serial,
  earlier: undefined,
})

/** The rest of the replay. */
export const after = ({ place, seq }: ReplayPart): ReplayRange => ({ ...begin(place.serial), ...place, seq })

export function messagesOf({ frames }: ReplayPart): Message[] {
  return frameTexts(frames).map(text => JSON.parse(text) as Message)
}

/** `A3` to `A7`. */
export const ticksOfA = (first: number, last: number) => sequences(first, last).map(offset => `A${offset}`)
