/**
 * A lane in the test's own thread, with real shared memory: where it would sleep, the test plays the main thread. A lane can be
 * killed at any call into the ring, its state or its decoder, and a successor goes on.
 */
import type { MessagePort } from 'node:worker_threads'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import {
  type CommandAnswer,
  encodeCommand,
  type JoinCommand,
  type LaneCommand,
  type Progress,
} from '../../src/lane-protocol/lane-commands.js'
import {
  type CompressionSettings,
  type GroupProgress,
  type LaneTask,
  TURN_OVERSHOOT_BYTES,
} from '../../src/lane-protocol/lane-task.js'
import { encodeEvent, offsetsOf, type StreamEvent } from '../../src/lane-protocol/stream-events.js'
import { type AudienceDescriptor, NO_GROUP } from '../../src/memory/audience-descriptor.js'
import { commandRingBytes } from '../../src/memory/command-ring-memory.js'
import { CommandRingReader } from '../../src/memory/command-ring-reader.js'
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
import { AUDIENCE_FRAMES, REPLY, TURN_BEGIN, TURN_END } from '../../src/memory/frame-descriptor.js'
import { type AnyDescriptor, FrameRingReader } from '../../src/memory/frame-ring-reader.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { allocateLaneMemory, type LaneMemory } from '../../src/memory/lane-allocation.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { LaneWakeUp } from '../../src/memory/lane-wake-up.js'
import { LatestStore, latestStoreBytes } from '../../src/memory/latest-store.js'
import { AWAIT_FLUSH, MORE, type ReplyDescriptor, UNCHANGED } from '../../src/memory/reply-descriptor.js'
import { distance } from '../../src/memory/ring-position.js'
import { type RecordType, STREAM_EVENT, TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'
import { PROMPT } from '../../src/memory/turn-descriptor.js'
import { LANE_SLOT_COUNT, LANE_SLOTS, type LaneMetric } from '../../src/metrics/metric-table.js'
import type { GapReason } from '../../src/protocol/messages.js'
import { QUOTE } from '../../src/ticks/market-tick.js'
import { MarketTickReader } from '../../src/ticks/market-tick-reader.js'
import { assembleLane } from '../../workers/lane-assembly.js'
import type { LaneLoop } from '../../workers/lane-loop.js'
import { FakeClock } from './fake-clock.js'
import { framesOf, frameText } from './frames.js'
import { binaryMessage, type Message } from './lane-messages.js'
import { patched } from './lanes/faults.js'
import { encodeTick, encodeTickBatch, type Tick } from './proto-messages.js'
import { spec } from './specs.js'

interface StageAudience {
  readonly spec: AudienceSpec
  seq: number
  progress: Progress
  readonly conflated: GroupProgress[]
}

/** A tick that was put into the log as the feed would send it. */
export interface StageTick {
  readonly offset: number
  readonly symbol: string
  readonly kind: 'quote' | 'trade'
}

/** A client's time in one audience, from the lane's word that it is in. */
export interface Stay {
  readonly spec: AudienceSpec
  /** All ticks after this one, it is to get. */
  readonly from: number
  /** Where it fell behind before; null: it had not. */
  readonly fellBehindAt: Progress | null
  /** The symbols of which it asked for a snapshot; undefined: none. */
  readonly snapshotOf: readonly string[] | undefined
  readonly answer: readonly Message[]
  /** Whether the lane died in the midst of the answer. */
  readonly isCut: boolean
  readonly messages: Message[]
  /** Where the next one begins, or where it fell behind. */
  to: number | undefined
  /** Of one that waited and left: up to where it was given a snapshot of what it had waited for, and that. */
  waited: { readonly until: number; readonly snapshots: readonly Message[] } | undefined
}

interface StageJoin {
  readonly command: JoinCommand
  readonly audience: number
  readonly fellBehindAt: Progress | null
  readonly snapshotOf: readonly string[] | undefined
  /** Whether it wants nothing but that: all else it was told. */
  readonly isTold: boolean
  /** What came of the audience that the client leaves, and then the answer. */
  readonly messages: Message[]
  /** With the first part of the answer: where it lets the client in. */
  begun: ReplyDescriptor | undefined
}

/** A client as the main thread sees it. */
export class StageClient {
  readonly id: number
  /** The audience that it is in, or the first that it has asked for. */
  audience: number
  join = 0
  isReceiving = false
  /** Whether it is to ask anew when its audience is sent something. */
  waits = false
  asked: StageJoin | undefined
  fellBehindAt: Progress | null = null
  /** All that it got. */
  readonly messages: Message[] = []
  readonly stays: Stay[] = []

  constructor(id: number, audience: number) {
    this.id = id
    this.audience = audience
  }
}

export interface StageOptions {
  readonly latestBytes?: number
  readonly frameRingBytes?: number
  readonly turnBytesMax?: number
  readonly scratchBytes?: number
  readonly compression?: CompressionSettings
  readonly positionsTellLosses?: boolean
  /** Descriptors that the lane may describe before it has to wait, in the midst of a turn, until they are read. */
  readonly descriptorsMax?: number
}

class Killed extends Error {}

/** Calls at which a lane can be killed. */
const DEADLY = [
  [FrameRingWriter.prototype, 'reserve'],
  [FrameRingWriter.prototype, 'describe'],
  [FrameRingWriter.prototype, 'turnPublished'],
  [FrameRingWriter.prototype, 'publish'],
  [CommittedState.prototype, 'commit'],
  [LaneWakeUp.prototype, 'wakeMain'],
  [MarketTickReader.prototype, 'decode'],
  [LatestStore.prototype, 'allocate'],
  [LatestStore.prototype, 'write'],
  [LatestStore.prototype, 'release'],
  [CommandRingReader.prototype, 'release'],
] as const

const PROGRESS_AT_FIRST: Progress = {
  ticksTotal: 0,
  lostTotal: 0,
  unknownLosses: 0,
  lastOffset: 0,
  flushedOffset: 0,
}

export class LaneStage {
  readonly audiences = new Map<number, StageAudience>()
  readonly clients = new Map<number, StageClient>()
  /** What the lane has published, kind by kind, as far as it was read. */
  readonly published: AnyDescriptor[] = []
  readonly poison: number[] = []
  readonly clock = new FakeClock()
  /** All that a feed has sent and that is a tick. */
  readonly ticks: StageTick[] = []
  /** For how long the lane wanted to sleep last. */
  sleepMs = 0
  deaths = 0
  readonly layout
  readonly shared: LaneMemory
  readonly memory: SharedArrayBuffer
  readonly control: Int32Array
  readonly state: CommittedState
  readonly ring: FrameRingReader
  readonly log: TickLogWriter
  /** Offset of the last tick in the log. */
  offset = 0
  turns = 0
  /** The largest run of frames so far. */
  framesBytesMax = 0
  /** While true, nothing that the lane publishes is read. */
  isBusy = false
  private readonly options: Required<Omit<StageOptions, 'descriptorsMax'>>
  private readonly descriptorsMax: number
  private readonly tickLog = new SharedArrayBuffer(tickLogBytes(1 << 20))
  private readonly commandRing = new SharedArrayBuffer(commandRingBytes(1 << 20))
  private readonly commands = new CommandRingWriter(this.commandRing)
  private readonly latest: SharedArrayBuffer
  private readonly counters = new SharedArrayBuffer(counterBlockBytes(LANE_SLOT_COUNT))
  private segment = -1
  private isInPromptTurn = false

  constructor(options: StageOptions = {}) {
    this.options = {
      frameRingBytes: 1 << 20,
      turnBytesMax: 16_384,
      scratchBytes: 1 << 18,
      compression: { bytesMin: 0, level: 6 },
      positionsTellLosses: true,
      latestBytes: 1 << 16,
      ...options,
    }
    this.latest = new SharedArrayBuffer(latestStoreBytes(this.options.latestBytes))
    const { frameRingBytes, turnBytesMax, scratchBytes } = this.options
    this.layout = laneLayout(frameRingBytes, turnBytesMax + TURN_OVERSHOOT_BYTES, scratchBytes)
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
      this.ticks.push({ offset: this.offset + 1 + index, symbol, kind: kind === QUOTE ? 'quote' : 'trade' })
  }

  /** Bytes that are no tick. */
  malformed(): number {
    return this.append(TICK, 1, new Uint8Array(0))
  }

  event(event: StreamEvent): void {
    this.put(STREAM_EVENT, 0, encodeEvent(event), offsetsOf(event))
  }

  lost(reason: GapReason, missed: number | null): void {
    this.event({ op: 'lost', reason, missed })
  }

  /** Ticks that never came. */
  gap(reason: GapReason, missed: number | null): void {
    this.event({ op: 'lost', reason, missed, isUnnumbered: true })
  }

  // Into the command ring

  command(command: LaneCommand): void {
    if (!this.commands.tryWrite(encodeCommand(command), this.offset))
      throw new Error('the command ring is full')
  }

  open(audience: number, part: Partial<AudienceSpec> = {}): void {
    const whole = spec(part)
    this.audiences.set(audience, { spec: whole, seq: 0, progress: PROGRESS_AT_FIRST, conflated: [] })
    this.command({ op: 'open', audience, spec: whole })
  }

  close(audience: number): void {
    this.audiences.delete(audience)
    this.command({ op: 'close', audience })
  }

  /**
   * A client asks to be let into an audience. One that is in another gets that one's frames until it is let in.
   *
   * @param fellBehindAt where the client fell out of the window, for one that did
   * @param snapshotOf the symbols of which it asks for a snapshot; undefined: none
   * @param isTold whether it wants nothing but that
   */
  join(
    id: number,
    audience: number,
    fellBehindAt: Progress | null = null,
    snapshotOf?: readonly string[],
    isTold = false,
  ): StageClient {
    const client = this.clients.get(id) ?? new StageClient(id, audience)
    this.clients.set(id, client)
    client.join++
    if (fellBehindAt !== null) client.isReceiving = false
    const behind = fellBehindAt ?? (client.waits ? client.fellBehindAt : null)
    const command: JoinCommand = {
      op: 'join',
      audience,
      leaving: client.isReceiving || behind !== null ? client.audience : 0,
      client: id,
      name: `c${id}`,
      join: client.join,
      fellBehindAt: behind,
      replay: null,
      answers: fellBehindAt === null ? [answerWith(snapshotOf, isTold)] : [],
    }
    client.asked = { command, audience, fellBehindAt, snapshotOf, isTold, messages: [], begun: undefined }
    this.command(command)
    return client
  }

  /** The client stops reading, and what it does not read leaves the window. */
  fallBehind(id: number): void {
    const client = this.clients.get(id)!
    const { conflated, progress } = this.audiences.get(client.audience)!
    const flushedOffset = Math.min(...conflated.map(part => part.flushedOffset), Number.MAX_SAFE_INTEGER)
    client.isReceiving = false
    client.fellBehindAt = { ...progress, flushedOffset }
    client.stays.at(-1)!.to = progress.lastOffset
  }

  /** The client that fell behind reads again. */
  comeBack(id: number): void {
    const { audience, fellBehindAt } = this.clients.get(id)!
    this.join(id, audience, fellBehindAt)
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
    this.put(type, count, payload, count)
    return this.offset
  }

  private put(type: RecordType, count: number, payload: Uint8Array, offsets: number): void {
    const isThere = this.log.tryAppend(type, count, this.offset + 1, 1, payload, 0, payload.length)
    if (!isThere) throw new Error('the log is full')
    this.offset += offsets
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
    // No spies: they keep a record of every call, which takes longer than the lane's own work.
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
    const task: LaneTask = {
      lane: 0,
      epoch: 'e',
      tickLog: this.tickLog,
      commands: this.commandRing,
      memory: this.shared,
      layout: this.layout,
      latest: this.latest,
      counters: this.counters,
      wakeUpPort: { postMessage: () => {} } as unknown as MessagePort,
      turnBytesMax: this.options.turnBytesMax,
      compression: this.options.compression,
      positionsTellLosses: this.options.positionsTellLosses,
      audiences: [...this.audiences].map(([audience, { spec, seq, progress, conflated }]) => {
        const { flushedOffset: _, ...sent } = progress
        return { audience, spec, seq, ...sent, conflated }
      }),
      quarantinedOffsets: this.poison,
      quarantinedClients: [],
    }
    return assembleLane(task, this.clock)
  }

  /** What the main thread does when a lane's thread has ended and all it published was read. */
  private laneEnded(): void {
    this.deaths++
    for (const client of this.clients.values()) {
      const { asked } = client
      if (asked?.begun !== undefined) {
        this.letIn(client, asked, asked.begun)
        const joined = this.audiences.get(client.audience)
        if (joined !== undefined) this.join(client.id, client.audience, null, entriesOf(joined.spec), true)
      } else if (asked !== undefined) {
        // Only the snapshot of what it missed while it waited is too long to be given whole, or not at all; a successor begins anew.
        const other = asked.messages.find(message => message.type !== 'snapshot')
        if (other !== undefined) throw new Error(`a client was answered with ${other.type} and not let in`)
        asked.messages.length = 0
      }
    }
    this.commands.clear()
    for (const { asked } of this.clients.values()) if (asked !== undefined) this.command(asked.command)
    this.segment = -1
    this.isInPromptTurn = false
    this.ring.resetAfterLane(new Set())
    Atomics.store(this.control, CURRENT_TICK, 0)
    Atomics.store(this.control, LANE_ASLEEP, 0)
  }

  counter(name: LaneMetric): number {
    return readCounter(new BigInt64Array(this.counters), LANE_SLOTS[name])
  }

  // Out of the ring

  /** Reads all that was published. @returns whether there was anything */
  drain(): boolean {
    let isThere = false
    for (let next = this.ring.next(); next !== undefined; next = this.ring.next()) {
      isThere = true
      const descriptor = Object.assign(
        Object.create(Object.getPrototypeOf(next) as object),
        next,
      ) as AnyDescriptor
      this.published.push(descriptor)
      this.take(descriptor)
    }
    this.ring.release()
    return isThere
  }

  /** The records that the lane has published. */
  get records(): AudienceDescriptor[] {
    return this.published.flatMap(each => (each.kind === AUDIENCE_FRAMES && each.length > 0 ? [each] : []))
  }

  /** The parts of replies that the lane has published. */
  get replies(): ReplyDescriptor[] {
    return this.published.flatMap(each => (each.kind === REPLY ? [each] : []))
  }

  private take(descriptor: AnyDescriptor): void {
    const { kind, length, segment, start } = descriptor
    if (kind === TURN_END) {
      if (!this.isInPromptTurn) {
        this.turns++
        this.ring.turnConsumed()
      }
      this.isInPromptTurn = false
      return
    }
    if (kind === TURN_BEGIN) {
      this.isInPromptTurn = descriptor.pace === PROMPT
      return
    }
    const windowBits = kind === AUDIENCE_FRAMES ? this.audiences.get(descriptor.audience)?.spec.windowBits : 0
    const messages = framesOf(new Uint8Array(this.memory, start, length)).map(frame =>
      frame.first === 0x82
        ? binaryMessage(frame.payload)
        : (JSON.parse(frameText(frame, windowBits)) as Message),
    )
    this.framesBytesMax = Math.max(this.framesBytesMax, length)
    if (kind === AUDIENCE_FRAMES) this.takeFrames(descriptor, messages)
    else this.takeReply(descriptor, messages)
    if (length === 0 || segment === this.segment) return
    if (this.segment >= 0) this.ring.giveBack(this.segment)
    this.segment = segment
  }

  private takeFrames(descriptor: AudienceDescriptor, messages: Message[]): void {
    const audience = this.audiences.get(descriptor.audience)
    if (audience === undefined) return
    const { lastOffset, lostTotal, ticksTotal, unknownLosses } = descriptor
    const ticks = messages.filter(message => message.type === 'ticks')
    if (descriptor.messages !== ticks.length)
      throw new Error(`${ticks.length} ticks messages, ${descriptor.messages} said`)
    audience.seq += descriptor.messages
    if (descriptor.group === NO_GROUP)
      audience.progress = { ...audience.progress, lastOffset, lostTotal, ticksTotal, unknownLosses }
    else audience.conflated[descriptor.group] = { flushedOffset: lastOffset, ticksTotal }
    for (const client of this.clients.values()) {
      if (client.audience !== descriptor.audience) continue
      if (client.waits && client.asked === undefined && descriptor.length > 0) this.comeBack(client.id)
      if (!client.isReceiving) continue
      client.messages.push(...messages)
      client.stays.at(-1)!.messages.push(...messages)
    }
  }

  private takeReply(descriptor: ReplyDescriptor, messages: Message[]): void {
    const client = this.clients.get(descriptor.client)
    // A successor repeats replies.
    if (client?.asked === undefined || client.join !== descriptor.request) return
    client.messages.push(...messages)
    client.asked.messages.push(...messages)
    if (descriptor.outcome === UNCHANGED || descriptor.outcome === MORE) return
    if (descriptor.isLast) this.letIn(client, client.asked, descriptor)
    else client.asked.begun = descriptor
  }

  private letIn(client: StageClient, asked: StageJoin, descriptor: ReplyDescriptor): void {
    const { audience, fellBehindAt, messages, snapshotOf } = asked
    const at = answerStart(asked)
    const farewell = messages.slice(0, at)
    const answer = messages.slice(at)
    const from = descriptor.offset
    const joined = this.audiences.get(audience)
    const before = client.stays.at(-1)
    if (client.isReceiving) {
      before!.to = from
      before!.messages.push(...farewell)
    } else if (client.waits && fellBehindAt === null) before!.waited = { until: from, snapshots: farewell }
    client.asked = undefined
    client.audience = audience
    client.waits = descriptor.outcome === AWAIT_FLUSH
    client.isReceiving = !client.waits
    if (joined === undefined) return
    const { lostTotal, ticksTotal, unknownLosses } = descriptor
    if (client.waits)
      client.fellBehindAt = { ticksTotal, lostTotal, unknownLosses, lastOffset: from, flushedOffset: from }
    client.stays.push({
      ...{ spec: joined.spec, from, fellBehindAt, snapshotOf, answer, messages: [], waited: undefined },
      isCut: !descriptor.isLast,
      to: client.waits ? from : undefined,
    })
    joined.progress = { ...joined.progress, lastOffset: from }
  }
}

/** Does `work` with every deadly call counted, and throws at the one at which the lane is to die. */
function mortalUntil(killAt: number, work: () => void): () => void {
  let calls = 0
  return DEADLY.reduce((inner, [prototype, name]) => {
    const methods = prototype as unknown as Record<string, (...args: unknown[]) => unknown>
    const counted = (original: (...args: unknown[]) => unknown) =>
      function (this: unknown, ...args: unknown[]): unknown {
        const call = calls++
        if (2 * call === killAt) throw new Killed()
        const result = original.apply(this, args)
        if (2 * call + 1 === killAt) throw new Killed()
        return result
      }
    return () => patched(methods, name, counted, inner)
  }, work)
}

function answerWith(snapshotOf: readonly string[] | undefined, isTold: boolean): CommandAnswer {
  const symbols = snapshotOf ?? ['*']
  if (isTold) return { type: 'snapshot' }
  return { type: 'subscribed', symbols, delivery: 'every', snapshot: snapshotOf !== undefined }
}

function entriesOf({ latest, symbols }: AudienceSpec): string[] {
  return symbols === null ? ['*'] : [...symbols, ...latest.flatMap(part => part.symbols)]
}

/** Where the answer begins behind what came of the audience that the client leaves. */
function answerStart({ fellBehindAt, isTold, messages }: StageJoin): number {
  if (fellBehindAt !== null) return 0
  if (!isTold) return messages.findIndex(({ type }) => type === 'subscribed')
  let start = messages.length - 1
  while (start > 0 && isMore(messages[start - 1]!)) start--
  return start
}

const isMore = (message: Message): boolean => message.type === 'snapshot' && message.more === true
