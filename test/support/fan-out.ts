/**
 * The transmitter without threads and network: with lane handles, membership, fake lanes and fake sockets. The test is
 * the lane.
 */

import type { Duplex } from 'node:stream'
import type { Audience } from '../../src/fanout/audience.js'
import type { LaneStream } from '../../src/fanout/lane-stream.js'
import { Membership } from '../../src/fanout/membership.js'
import { type LagLimits, Recipient } from '../../src/fanout/recipient.js'
import { Transmitter } from '../../src/fanout/transmitter.js'
import type { AudienceSpec } from '../../src/lane-protocol/audience-spec.js'
import type { Progress, ReplayStart } from '../../src/lane-protocol/lane-commands.js'
import { LaneHandle } from '../../src/lanes/lane-handle.js'
import { chooseLane } from '../../src/lanes/lane-placement.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { Histogram, SizeHistogram } from '../../src/metrics/histogram.js'
import { MAIN_SLOT_COUNT, MAIN_SLOTS, type MainMetric } from '../../src/metrics/metric-table.js'
import { FakeClock } from './fake-clock.js'
import { FakeLane } from './fake-lane.js'
import { FakeSocket } from './fake-socket.js'
import { NO_PAST } from './no-past.js'
import { spec } from './specs.js'

export const ALL_TICKS: AudienceSpec = spec({ symbols: null, batch: true })
export const PASS_BUDGET_MS = 4
/** No lane here keeps latest ticks. */
export const LATEST_BYTES = 8
const REPLY = { type: 'subscribed', symbols: ['*'], delivery: 'every', snapshot: false } as const

export interface ConnectOptions {
  readonly limits?: LagLimits
  readonly replay?: ReplayStart | undefined
}

export interface Member {
  readonly recipient: Recipient
  readonly socket: FakeSocket
}

export class FanOut {
  readonly clock = new FakeClock()
  readonly latency = new Histogram()
  readonly writeSizes = new SizeHistogram()
  readonly handles: LaneHandle[]
  readonly streams: LaneStream[]
  readonly lanes: FakeLane[]
  readonly transmitter: Transmitter
  readonly membership: Membership
  /** Clients that were overrun, or asked again after a flush, and how far they were. */
  readonly recovered: { readonly recipient: Recipient; readonly progress: Progress | undefined }[] = []
  readonly evicted: Recipient[] = []
  /** Called at the end of each run. */
  afterRun: () => void = () => {}
  private readonly counters = new CounterWriter(
    new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))),
  )
  private readonly recipients: Recipient[] = []
  private nextId = 1

  /** The smallest ring by default: 8 segments of 1 KiB. */
  constructor({ laneCount = 1, frameRingBytes = 8192, gatherMs = 0 } = {}) {
    // At 0 a recipient that is blocked now would not look blocked.
    this.clock.advance(1)
    const layout = laneLayout(frameRingBytes, 512, 64)
    this.handles = Array.from(
      { length: laneCount },
      (_, index) =>
        new LaneHandle(index, layout, LATEST_BYTES, (stream, segment) =>
          this.transmitter.evictHolders(stream, segment),
        ),
    )
    this.streams = this.handles.map(({ stream }) => stream)
    this.lanes = this.handles.map(handle => new FakeLane(handle))
    this.membership = new Membership({
      streams: this.streams,
      place: (streams, hasAudience) => chooseLane(streams, hasAudience, () => false),
      clock: this.clock,
      counters: this.counters,
      replyLatency: new Histogram(),
      past: NO_PAST,
      goodbyeGiven: () => {},
      overrun: () => {},
      send: (lane, command) => this.lanes[lane]!.commands.push(command),
    })
    const recover = this.membership.recover.bind(this.membership)
    this.membership.recover = recipient => {
      this.recovered.push({ recipient, progress: recipient.cursor.progress })
      recover(recipient)
    }
    this.transmitter = new Transmitter({
      clock: this.clock,
      patience: this.clock,
      counters: this.counters,
      latency: this.latency,
      writeSizes: this.writeSizes,
      passBudgetMs: PASS_BUDGET_MS,
      gatherMs,
      membership: this.membership,
      streams: this.streams,
      events: {
        evict: recipient => {
          this.evicted.push(recipient)
          this.leave(recipient)
        },
        afterRun: () => this.afterRun(),
      },
    })
  }

  get lane(): FakeLane {
    return this.lanes[0]!
  }

  /** Whether the kernel has all that was published. */
  get isDrained(): boolean {
    if ([...this.transmitter.blockedRecipients()].length > 0) return false
    if (this.recipients.some(({ cursor, hasLeft }) => cursor.isBehind && !hasLeft)) return false
    return this.streams.every(stream => stream.isTransmitted)
  }

  /** Whether the kernel has all that was published for a recipient, and the recipient waits for no reply. */
  hasSentAll({ cursor, isBlocked, transfer }: Recipient): boolean {
    const { audience } = cursor
    if (audience === undefined || transfer.inFlight !== undefined || transfer.queued !== undefined)
      return false
    return !cursor.isBehind && !isBlocked && this.streams[audience.lane]!.isTransmitted
  }

  count(metric: MainMetric): number {
    return this.counters.values[MAIN_SLOTS[metric]]!
  }

  /** A client that has asked to join. @param replay from where it resumes, if it does */
  connect(spec: AudienceSpec = ALL_TICKS, options: ConnectOptions = {}): Member {
    const socket = new FakeSocket()
    return { recipient: this.add(socket.duplex, spec, options), socket }
  }

  /** The same over a socket of the test. */
  add(socket: Duplex, spec: AudienceSpec = ALL_TICKS, { limits, replay }: ConnectOptions = {}): Recipient {
    const recipient = new Recipient(this.nextId, `test-${this.nextId++}`, socket, limits)
    this.recipients.push(recipient)
    this.membership.join(recipient, spec, REPLY, 100, replay)
    return recipient
  }

  /** So many members of one audience. */
  async members(count: number): Promise<[Member, ...Member[]]> {
    const members = Array.from({ length: count }, () => this.connect())
    this.lane.obey()
    await this.turn()
    return members as [Member, ...Member[]]
  }

  /** A lane's thread ends, and another one takes its place when all that it published is transmitted. */
  async laneDies(lane = 0): Promise<void> {
    const handle = this.handles[lane]!
    this.lanes[lane]!.publish()
    this.transmitter.wake()
    do await this.rest()
    while (!handle.stream.isTransmitted)
    this.transmitter.laneEnded(handle.stream)
    handle.laneEnded()
    this.lanes[lane] = new FakeLane(handle, this.lanes[lane])
    this.membership.sendAgain(lane)
  }

  /** Lets the transmitter's time be up at every look, until the returned function is called. */
  withoutTime(): () => void {
    const { clock } = this
    const nowMs = clock.nowMs.bind(clock)
    clock.nowMs = () => {
      clock.jump(PASS_BUDGET_MS)
      return nowMs()
    }
    return () => {
      clock.nowMs = nowMs
    }
  }

  /** Ends a client's connection. */
  leave(recipient: Recipient): void {
    recipient.socket.destroy()
    this.transmitter.leave(recipient)
  }

  audience(member: Member): Audience {
    const { cursor, transfer } = member.recipient
    return (cursor.audience ?? transfer.inFlight?.audience)!
  }

  /** Ends the lane's turn and transmits until nothing is left to do. */
  async turn(lane = this.lane): Promise<void> {
    lane.endTurn()
    this.transmitter.wake()
    await this.rest()
  }

  /** One record of one tick and the end of its turn, transmitted. */
  async tick(audience: Audience, ticks = 1): Promise<void> {
    if (!this.lane.record(audience.id, ticks)) throw new Error('the ring is full')
    await this.turn()
  }

  /** Waits until the transmitter has nothing more to do at once. */
  async rest(): Promise<void> {
    // No test leaves work for ten runs.
    for (let round = 0; round < 10; round++) await new Promise(setImmediate)
  }
}

/** The numbers of the ticks in a client's text. */
export function ticksIn(text: string): number[] {
  return [...text.matchAll(/:(\d+);/g)].map(([, tick]) => Number(tick))
}

/** 1 to `last`, or `first` to `last`. */
export function upTo(last: number, first = 1): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
}
