/**
 * The main thread's loop that takes turns from the lanes and gives each client one slice of the frame ring. Per client
 * and record it does one write: no copy, no closure, no allocation of ours. Bytes that the kernel has not taken stay
 * pinned until it has.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { CounterWriter } from '../memory/counters.js'
import type { Histogram, SizeHistogram } from '../metrics/histogram.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { CatchUp } from './catch-up.js'
import { DescriptorReader } from './descriptor-reader.js'
import type { LaneStream } from './lane-stream.js'
import type { Membership } from './membership.js'
import type { Recipient } from './recipient.js'
import { RecordPass, TURN_BEGUN } from './record-pass.js'
import { RecordSender } from './record-sender.js'
import { Replies } from './replies.js'
import { RunBudget } from './run-budget.js'
import { TurnPacing } from './turn-pacing.js'

export interface TransmitterEvents {
  /** The ring needs bytes that the recipient's socket holds: end it now, and call `leave`. */
  evict(recipient: Recipient): void
  /** A run has ended: look for room, for free commands, and for lanes that have ended. */
  afterRun(): void
}

export interface TransmitterDeps {
  readonly clock: Clock
  /** Stands still while the process is held up, so recipients that take nothing are judged fairly. */
  readonly patience: Pick<PatientClock, 'nowMs'>
  readonly counters: CounterWriter
  readonly latency: Histogram
  readonly writeSizes: SizeHistogram
  readonly membership: Membership
  readonly streams: readonly LaneStream[]
  readonly events: TransmitterEvents
  readonly passBudgetMs: number
  /** See TurnPacing. */
  readonly gatherMs: number
}

export class Transmitter {
  private readonly deps: TransmitterDeps
  private readonly budget: RunBudget
  private readonly pacing: TurnPacing
  private readonly catchUp: CatchUp
  private readonly reader: DescriptorReader
  private readonly sender: RecordSender
  private readonly continueRunning = (): void => this.run()
  private immediate: NodeJS.Immediate | undefined
  private isStopped = false
  /** Index of the lane at which the next round begins. */
  private firstLane = 0
  /** Whether clients that are behind come first in this run. */
  private catchesUpFirst = false

  constructor(deps: TransmitterDeps) {
    this.deps = deps
    const { clock, counters, gatherMs, latency, membership, patience, streams, writeSizes } = deps
    const counts = { counters, writeSizes }
    this.budget = new RunBudget(clock, deps.passBudgetMs)
    this.pacing = new TurnPacing({ streams, gatherMs, counters, clock })
    const schedule = (): void => this.scheduleRun()
    this.catchUp = new CatchUp({ clock, patience, ...counts, streams, membership, schedule })
    this.reader = new DescriptorReader(streams, new Replies(membership, counts, this.catchUp))
    const { budget, catchUp, pacing, reader } = this
    this.sender = new RecordSender({ clock, ...counts, latency, pacing, catchUp, reader, budget })
  }

  /** Takes a recipient out of all for good. Its socket is closed, so the bytes that it pinned are free. */
  leave(recipient: Recipient): void {
    if (recipient.hasLeft) return
    recipient.hasLeft = true
    this.mute(recipient)
    this.catchUp.unblock(recipient)
  }

  /** Takes a recipient out of its audience: it gets no more frames. Its socket may stay open to be closed in order. */
  mute(recipient: Recipient): void {
    this.catchUp.noteLag(recipient)
    this.deps.membership.leave(recipient)
    this.catchUp.catchingUp.delete(recipient)
  }

  /** See CatchUp.giveOwn. */
  giveOwn(recipient: Recipient, frames: Uint8Array, ticks: number, messages: number): boolean {
    return this.catchUp.giveOwn(recipient, frames, ticks, messages)
  }

  /** Recipients whose sockets have not taken all that was written. */
  blockedRecipients(): Iterable<Recipient> {
    return this.catchUp.blocked
  }

  /** Recipients that may be behind. */
  *laggingRecipients(): Iterable<Recipient> {
    yield* this.catchUp.blocked
    for (const recipient of this.catchUp.catchingUp) if (!recipient.isBlocked) yield recipient
  }

  /** A lane has published something, or has ended. */
  wake(): void {
    if (this.immediate === undefined && !this.isStopped) this.run()
  }

  stop(): void {
    this.isStopped = true
    clearImmediate(this.immediate)
    this.immediate = undefined
    this.pacing.stop()
  }

  /** The lane's thread has ended, and all it published was transmitted: readies ring and clients for a successor. */
  laneEnded(stream: LaneStream): void {
    this.deps.membership.laneEnded(stream.index)
    stream.laneEnded()
    this.pacing.laneEnded(stream)
  }

  /** Ends the recipients that hold bytes which the lane needs. */
  evictHolders({ retained }: LaneStream, segment: number): void {
    for (const recipient of this.catchUp.blocked) {
      if (recipient.pins.some(pin => pin.pins === retained.pins && pin.segment === segment))
        this.deps.events.evict(recipient)
    }
  }

  private run(): void {
    this.immediate = undefined
    const { clock, counters, events } = this.deps
    const startMs = clock.nowMs()
    this.budget.begin(startMs)
    const hasWork = !this.transmitAndCatchUp() || this.askForWakeUps()
    if (hasWork) this.scheduleRun()
    this.pacing.ran(startMs, clock.nowMs())
    counters.flush()
    events.afterRun()
  }

  /** Asks every lane to wake the main thread at its next work. @returns whether there is work already */
  private askForWakeUps(): boolean {
    let hasWork = this.catchUp.catchingUp.size > 0
    for (const stream of this.deps.streams) hasWork = stream.sleepUnlessWork() || hasWork
    return hasWork
  }

  /** @returns false when the time is up and something is left */
  private transmitAndCatchUp(): boolean {
    this.reader.readAll()
    for (const stream of this.deps.streams) if (!this.finishBegunPass(stream)) return false
    // Neither clients that are behind nor live ones get all of the time.
    this.catchesUpFirst = !this.catchesUpFirst
    if (this.catchesUpFirst) {
      this.catchUpAll()
      return this.transmitAllLanes()
    }
    if (!this.transmitAllLanes()) return false
    this.catchUpAll()
    return true
  }

  /** Gives clients that are behind what they missed, until the time is up. */
  private catchUpAll(): void {
    for (const recipient of this.catchUp.catchingUp) {
      this.catchUp.sendMissed(recipient)
      if (this.budget.isSpent) return
    }
  }

  /** Transmits what all lanes have published. @returns false when the time is up */
  private transmitAllLanes(): boolean {
    const { streams } = this.deps
    const count = streams.length
    this.firstLane = (this.firstLane + 1) % count
    for (let index = 0; index < count; index++) {
      if (!this.transmitLane(streams[(this.firstLane + index) % count]!)) return false
    }
    return true
  }

  /** Transmits what a lane has published. @returns false when the time is up */
  private transmitLane(stream: LaneStream): boolean {
    const { queue } = stream
    for (;;) {
      this.reader.read(stream)
      stream.retained.makeRoom(stream.firstUnsent)
      const next = queue[0]
      if (next === undefined) return true
      if (next instanceof RecordPass) {
        if (!this.continuePass(stream, next)) return false
        continue
      }
      queue.shift()
      if (next === TURN_BEGUN) this.pacing.turnBegun(stream)
      else this.endTurn(stream)
    }
  }

  private endTurn(stream: LaneStream): void {
    this.deps.counters.values[MAIN_SLOTS.turns]! += 1
    this.pacing.turnEnded(stream)
  }

  /** Ends the pass that ran out of time in the run before. @returns false when the time is up */
  private finishBegunPass(stream: LaneStream): boolean {
    const next = stream.queue[0]
    return !(next instanceof RecordPass && next.hasBegun) || this.continuePass(stream, next)
  }

  /** @returns false when the time is up, whether or not the pass has ended */
  private continuePass(stream: LaneStream, pass: RecordPass): boolean {
    const hasTime = this.sender.send(stream, pass)
    if (!pass.hasEnded) return false
    const { audience } = pass
    stream.queue.shift()
    pass.end(stream.retained)
    if (audience.awaitingFlush.size > 0) this.deps.membership.recordSent(audience)
    return hasTime
  }

  private scheduleRun(): void {
    if (this.immediate === undefined && !this.isStopped) this.immediate = setImmediate(this.continueRunning)
  }
}
