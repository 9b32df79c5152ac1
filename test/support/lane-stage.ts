/**
 * A lane in the test's own thread, with real shared memory. Where the lane would sleep, the test plays the main thread.
 * A lane can be killed at any of its calls, see mortal-lane.ts, and a successor goes on.
 */
import type { MessagePort } from 'node:worker_threads'
import { PlacedStates } from '../../src/ingest/placed-states.js'
import { ToldStatus } from '../../src/ingest/told-status.js'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import { encodeCommand, type LaneCommand } from '../../src/lane-protocol/lane-commands.js'
import {
  type CompressionSettings,
  type LaneTask,
  turnOvershootBytes,
} from '../../src/lane-protocol/lane-task.js'
import {
  encodeEvent,
  type FeedStatus,
  STATUS_AT_START,
  type StreamEpoch,
  type StreamEvent,
} from '../../src/lane-protocol/stream-events.js'
import { commandRingBytes } from '../../src/memory/command-ring-memory.js'
import { CommandRingWriter } from '../../src/memory/command-ring-writer.js'
import { CommittedState } from '../../src/memory/committed-state.js'
import {
  CONTROL_BYTES,
  CURRENT_TICK,
  DESCRIPTOR_TAIL,
  LANE_ASLEEP,
  STOP,
} from '../../src/memory/control-words.js'
import { counterBlockBytes, readCounter } from '../../src/memory/counters.js'
import { FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { allocateLaneMemory, type LaneMemory } from '../../src/memory/lane-allocation.js'
import { encodedLatestBytes, laneLayout } from '../../src/memory/lane-layout.js'
import { LaneWakeUp } from '../../src/memory/lane-wake-up.js'
import { latestStoreBytes } from '../../src/memory/latest-store.js'
import { distance } from '../../src/memory/ring-position.js'
import { type RecordType, STREAM_EVENT, TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'
import { LANE_SLOT_COUNT, LANE_SLOTS, type LaneMetric } from '../../src/metrics/metric-table.js'
import type { FeedState, GapReason } from '../../src/protocol/messages.js'
import { marketCodec } from '../../src/ticks/market-codec.js'
import { QUOTE } from '../../src/ticks/market-tick.js'
import { assembleLane } from '../../workers/lane-assembly.js'
import type { LaneLoop } from '../../workers/lane-loop.js'
import { FakeClock } from './fake-clock.js'
import { patched } from './lanes/faults.js'
import { Killed, mortalUntil } from './mortal-lane.js'
import { encodeTick, encodeTickBatch, type Tick } from './proto-messages.js'
import type { StageClient } from './stage-clients.js'
import { StageFrames } from './stage-frames.js'
/** A tick that the feed has sent. */
export interface StageTick {
  readonly serial: number
  readonly offset: number
  readonly symbol: string
  readonly kind: 'quote' | 'trade'
}
export interface StageOptions {
  readonly latestBytes?: number
  readonly frameRingBytes?: number
  readonly turnBytesMax?: number
  readonly scratchBytes?: number
  readonly compression?: CompressionSettings
  /** Descriptors that the lane may write before it has to wait until they are read. */
  readonly descriptorsMax?: number
}
export class LaneStage extends StageFrames {
  readonly poison: number[] = []
  readonly clock = new FakeClock()
  /** All ticks that the feed has sent. */
  readonly ticks: StageTick[] = []
  /** How long the lane was to sleep last, ms. */
  sleepMs = 0
  deaths = 0
  readonly layout
  readonly shared: LaneMemory
  readonly memory: SharedArrayBuffer
  readonly control: Int32Array
  readonly state: CommittedState
  readonly ring: FrameRingReader
  readonly log: TickLogWriter
  /** Of the last tick or loss in the log. */
  serial = 0
  offset = 0
  /** While true, nothing that the lane publishes is read. */
  isBusy = false
  private readonly options: Required<Omit<StageOptions, 'descriptorsMax'>>
  private readonly descriptorsMax: number
  private readonly tickLog = new SharedArrayBuffer(tickLogBytes(1 << 20))
  private readonly commandRing = new SharedArrayBuffer(commandRingBytes(1 << 20))
  private readonly commands = new CommandRingWriter(this.commandRing)
  private readonly told = new ToldStatus()
  private readonly statuses = new PlacedStates(STATUS_AT_START)
  private epoch: StreamEpoch = { number: 0, name: 'e', isShared: false }
  private readonly epochs = new PlacedStates(this.epoch)
  private readonly epochStarts = [{ epoch: this.epoch, serial: 0 }]
  /** How often the state of the feed was told. */
  statusCount = 0
  private readonly latest: SharedArrayBuffer
  private readonly counters = new SharedArrayBuffer(counterBlockBytes(LANE_SLOT_COUNT))

  constructor(options: StageOptions = {}) {
    super()
    this.options = {
      frameRingBytes: 1 << 20,
      turnBytesMax: 16_384,
      scratchBytes: 1 << 18,
      compression: { bytesMin: 0, level: 6 },
      latestBytes: 1 << 16,
      ...options,
    }
    this.latest = new SharedArrayBuffer(latestStoreBytes(this.options.latestBytes))
    const { frameRingBytes, turnBytesMax, scratchBytes } = this.options
    const recordBytesMax = turnBytesMax + turnOvershootBytes(marketCodec)
    const encodedBytes = encodedLatestBytes(recordBytesMax, this.options.latestBytes)
    this.layout = laneLayout(frameRingBytes, recordBytesMax, scratchBytes, encodedBytes)
    this.shared = allocateLaneMemory(this.layout.totalBytes)
    this.memory = this.shared.buffer
    this.descriptorsMax = options.descriptorsMax ?? this.layout.descriptorCount
    this.control = new Int32Array(this.memory, 0, CONTROL_BYTES / 4)
    this.state = new CommittedState(this.memory)
    this.ring = new FrameRingReader(this.memory, this.layout)
    this.log = new TickLogWriter(this.tickLog, () => this.state.cursor())
  }

  // Into the log

  tick(tick: Partial<Tick>): number {
    const whole = { symbol: 'A', kind: QUOTE, sequence: this.offset + 1, ...tick }
    this.note([whole])
    return this.append(TICK, 1, encodeTick(whole))
  }

  /** Ticks that come in one message. */
  batch(ticks: readonly Partial<Tick>[]): void {
    const offset = this.offset + 1
    const whole = ticks.map((tick, index) => ({
      symbol: 'A',
      kind: QUOTE,
      sequence: offset + index,
      ...tick,
    }))
    this.note(whole)
    this.append(TICK_BATCH, ticks.length, encodeTickBatch({ ticks: whole }))
  }

  private note(ticks: readonly { readonly symbol: string; readonly kind: number }[]): void {
    for (const [index, { symbol, kind }] of ticks.entries())
      this.ticks.push({
        serial: this.serial + 1 + index,
        offset: this.offset + 1 + index,
        symbol,
        kind: kind === QUOTE ? 'quote' : 'trade',
      })
  }

  /** Bytes that are no tick. */
  malformed(): number {
    return this.append(TICK, 1, new Uint8Array(0))
  }

  private event(event: StreamEvent): void {
    this.put(STREAM_EVENT, 0, 0, encodeEvent(event), event.op === 'lost' ? 1 : 0)
    if (event.op === 'lost') this.offset = event.offset
  }

  /** Ticks that have offsets. */
  lost(reason: GapReason, missed: number | null): void {
    const to = this.offset + (missed ?? 1)
    this.event({ op: 'lost', reason, missed, from: this.offset + 1, to, offset: to })
  }

  /** Ticks that never came. */
  gap(reason: GapReason, missed: number | null): void {
    const { offset } = this
    this.event({ op: 'lost', reason, missed, from: offset + 1, to: offset, offset: offset + 1 })
  }

  /** Positions have a hole, and so have offsets. */
  hole(missed: number): void {
    const to = this.offset + missed
    this.event({ op: 'lost', reason: 'upstream', missed, from: this.offset + 1, to, offset: to })
  }

  /** An epoch begins behind an unknown loss. @param from its first offset */
  beginEpoch(name: string, from: number, missed: number | null = null): void {
    this.epoch = { number: this.epoch.number + 1, name, isShared: true }
    const to = from - 1
    this.event({ op: 'lost', reason: 'upstream', missed, from, to, offset: to, epoch: this.epoch })
    this.epochStarts.push({ epoch: this.epoch, serial: this.serial })
    this.epochs.append(this.epoch, this.log.position, this.state.cursor())
  }

  /** The feed goes down, or comes back. Each state is told as the reason `n` and its number. */
  status(feed: FeedState): FeedStatus {
    const status = this.told.change(feed, `n${++this.statusCount}`, this.clock.epochUs())!
    this.event({ op: 'status', status })
    this.statuses.append(status, this.log.position, this.state.cursor())
    return status
  }

  // Into the command ring

  command(command: LaneCommand): void {
    if (!this.commands.tryWrite(encodeCommand(command), this.log.position))
      throw new Error('the command ring is full')
  }

  /** An audience of all symbols and a client of it, from the first tick on. */
  listen(spec: Partial<AudienceSpec> = {}, audience = 1): StageClient {
    this.open(audience, spec)
    const client = this.join(audience * 100, audience)
    this.run()
    client.messages.length = 0
    return client
  }

  private append(type: RecordType, count: number, payload: Uint8Array): number {
    this.put(type, count, this.offset + 1, payload, count)
    this.offset += count
    return this.offset
  }

  private put(type: RecordType, count: number, offset: number, payload: Uint8Array, serials: number): void {
    const isThere = this.log.tryAppend(type, count, this.serial + 1, offset, 1, payload, 0, payload.length)
    if (!isThere) throw new Error('the log is full')
    this.serial += serials
  }

  // The lane

  /**
   * Lets a lane work until it has nothing left to do, then stops it. What it publishes is read whenever it sleeps.
   *
   * @param steps done one by one, each when the lane sleeps and all it published was read
   * @param killAt kills the lane at so manieth of its calls; even: before the call, odd: after it
   * @returns whether it lived
   */
  run(steps: (() => void)[] = [], killAt = -1): boolean {
    const left = [...steps]
    Atomics.store(this.control, STOP, 0)
    let sleepsAfterStop = 0
    // A spy would keep a record of every call, which takes longer than the lane's own work.
    const waitUnless = (hasWork: () => boolean, _: unknown, timeoutMs?: number): void => {
      this.sleepMs = timeoutMs ?? Number.POSITIVE_INFINITY
      if (Atomics.load(this.control, STOP) === 1 && sleepsAfterStop++ > 0)
        throw new Error('the lane sleeps though told to stop')
      if (hasWork() || (!this.isBusy && this.drain())) return
      if (left.length > 0) left.shift()!()
      else Atomics.store(this.control, STOP, 1)
    }
    let isAlive = true
    const work = (): void => this.lane().run()
    const mortal = killAt >= 0 ? mortalUntil(killAt, work) : work
    const limited = (): void => this.withFewDescriptors(mortal)
    try {
      patched(LaneWakeUp.prototype, 'waitUnless', () => waitUnless, limited)
    } catch (error) {
      if (!(error instanceof Killed)) throw error
      isAlive = false
    }
    if (this.isBusy) return isAlive
    this.drain()
    if (!isAlive) this.laneEnded()
    return isAlive
  }

  private withFewDescriptors(work: () => void): void {
    const { control, descriptorsMax } = this
    const hasRoom = function (this: FrameRingWriter): boolean {
      const { head } = this as unknown as { readonly head: number }
      return distance(control[DESCRIPTOR_TAIL]!, head) < descriptorsMax
    }
    patched(FrameRingWriter.prototype, 'hasRoomForDescriptor', () => hasRoom, work)
  }

  private lane(): LaneLoop {
    const { cursor } = this.state.committed()
    const task: LaneTask = {
      lane: 0,
      epoch: this.epochs.at(cursor),
      epochs: this.epochStarts.filter(({ serial }) => serial <= this.state.committed().serial),
      tickLog: this.tickLog,
      commands: this.commandRing,
      memory: this.shared,
      layout: this.layout,
      latest: this.latest,
      counters: this.counters,
      wakeUpPort: { postMessage: () => {} } as unknown as MessagePort,
      turnBytesMax: this.options.turnBytesMax,
      compression: this.options.compression,
      schema: undefined,
      tickBytesMax: marketCodec.tickBytesMax,
      feedStatus: this.statuses.at(cursor),
      audiences: [...this.audiences].map(([audience, { spec, seq, progress, conflated }]) => {
        const { flushedSerial: _, ...sent } = progress
        return { audience, spec, seq, ...sent, conflated }
      }),
      quarantinedTicks: this.poison,
      quarantinedClients: [],
    }
    return assembleLane(task, marketCodec, this.clock, { look: () => {} })
  }

  /** The lane's thread has ended, and all that it published was read: does what the main thread does then. */
  private laneEnded(): void {
    this.deaths++
    this.settleRequests()
    this.commands.clear()
    this.sendAgain()
    this.resetFrames()
    Atomics.store(this.control, CURRENT_TICK, 0)
    Atomics.store(this.control, LANE_ASLEEP, 0)
  }

  counter(name: LaneMetric): number {
    return readCounter(new BigInt64Array(this.counters), LANE_SLOTS[name])
  }
}
