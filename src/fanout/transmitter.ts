/**
 * The main thread's loop that takes turns from the lanes and gives each client one slice of the frame ring.
 * Per client and record it does one write: no copy, no closure, no allocation of ours. Bytes that the kernel has not taken
 * stay pinned until it has.
 *
 * What lanes have published is read ahead of what is being sent: an answer between two turns is for one client, which is given first what
 * its audience has on the way, and need not wait for all that others have.
 */
import type { Clock } from '../common/clock.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { CounterWriter } from '../memory/counters.js'
import { AUDIENCE_FRAMES, GROUP_BEGUN, PROMPT_TURN, TURN_END } from '../memory/frame-descriptor.js'
import type { Histogram } from '../metrics/histogram.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { type AnswerEvents, Answers } from './answers.js'
import { CatchUp } from './catch-up.js'
import { CLOSED, countWrites, HELD, writeFrames } from './frame-writes.js'
import type { LaneLink } from './lane-link.js'
import type { Recipient } from './recipient.js'
import { RecordPass, TURN_ENDED } from './record-pass.js'
import { NO_RECORD } from './retained-frames.js'
import { TurnPacing } from './turn-pacing.js'

/** Writes between two looks at the clock: about a third of a millisecond. */
const WRITES_PER_LOOK = 32
/** Records of one lane, and ends of turns, that are read ahead at the most. */
const QUEUE_MAX = 4096

export interface TransmitterEvents extends AnswerEvents {
  /** The recipient is no longer behind, or its socket has taken all that was for it. */
  caughtUp(recipient: Recipient): void
  /** The ring needs bytes that the recipient's socket holds: end it now, and call `leave`. */
  cutOff(recipient: Recipient): void
  /** The lanes may have got further. When there was nothing left to do, they ring for whatever comes from now on. */
  afterRun(): void
}

export class Transmitter {
  private readonly clock: Clock
  private readonly counters: CounterWriter
  private readonly latency: Histogram
  private readonly events: TransmitterEvents
  private readonly passBudgetMs: number
  private readonly pace: TurnPacing
  private readonly links: LaneLink[]
  private readonly slow: CatchUp
  private readonly answers: Answers
  private readonly continueRunning = (): void => this.run()

  private immediate: NodeJS.Immediate | undefined
  private isStopped = false
  /** At which lane the next round begins. */
  private firstLink = 0
  private deadlineMs = 0
  private writesUntilLook = WRITES_PER_LOOK
  /** Whether those that are behind come first in this run. */
  private catchesUpFirst = false

  constructor(options: {
    clock: Clock
    /** By which recipients are judged that take nothing. */
    patience: Pick<PatientClock, 'nowMs'>
    counters: CounterWriter
    latency: Histogram
    events: TransmitterEvents
    passBudgetMs: number
    /** See Pace. */
    gatherMs: number
    links: LaneLink[]
  }) {
    this.clock = options.clock
    this.counters = options.counters
    this.latency = options.latency
    this.events = options.events
    this.passBudgetMs = options.passBudgetMs
    this.links = options.links
    const { values } = options.counters
    this.pace = new TurnPacing(
      options.links,
      options.gatherMs,
      () => values[MAIN_SLOTS.messagesReceived]!,
      () => values[MAIN_SLOTS.ticksReceived]!,
      options.clock,
    )
    this.slow = new CatchUp({
      clock: options.clock,
      patience: options.patience,
      counters: options.counters,
      links: options.links,
      lapped: recipient => options.events.lapped(recipient),
      caughtUp: recipient => options.events.caughtUp(recipient),
      goOn: () => this.scheduleRun(),
      drained: () => this.scheduleRun(),
    })
    this.answers = new Answers(options.events, options.counters, this.slow)
  }

  add(recipient: Recipient): void {
    this.answers.add(recipient)
  }

  recipients(): Iterable<Recipient> {
    return this.answers.all()
  }

  /** Takes a recipient out for good; its socket is closed, so what it pinned is free. */
  leave(recipient: Recipient): void {
    if (recipient.hasLeft) return
    recipient.hasLeft = true
    this.mute(recipient)
    this.answers.remove(recipient)
    this.slow.unblock(recipient)
  }

  /** Sends no more frames to a recipient; its socket may stay open to be closed in order. */
  mute(recipient: Recipient): void {
    recipient.join++
    recipient.halfWay = undefined
    recipient.receiving?.release(recipient)
    recipient.waitsIn?.newcomers.delete(recipient)
    recipient.nextRecord = NO_RECORD
    this.slow.catchingUp.delete(recipient)
  }

  /** Those whose socket has not taken all that was written. */
  blockedRecipients(): Iterable<Recipient> {
    return this.slow.blocked
  }

  /** Whether the kernel has all that was published for a recipient, which waits for no answer. */
  hasSentAll(recipient: Recipient): boolean {
    const { asked, audience, isBehind, isBlocked, wanted } = recipient
    if (audience === undefined || asked !== undefined || wanted !== undefined) return false
    return !isBehind && !isBlocked && this.links[audience.lane]!.isTransmitted
  }

  /** A lane rang: something was published. */
  wake(): void {
    if (this.immediate === undefined && !this.isStopped) this.run()
  }

  stop(): void {
    this.isStopped = true
    clearImmediate(this.immediate)
    this.immediate = undefined
    this.pace.stop()
  }

  /** The lane's thread has ended, and all it published was transmitted: readies its memory, and its clients, for a successor. */
  laneEnded(link: LaneLink): void {
    this.answers.laneEnded(link)
    link.laneEnded()
    this.pace.laneEnded(link)
  }

  /** Ends those who hold bytes that the lane needs. */
  cutOffHolders(link: LaneLink, segment: number): void {
    for (const recipient of this.slow.blocked) {
      if (recipient.pins.some(pin => pin.window === link.window && pin.segment === segment))
        this.events.cutOff(recipient)
    }
  }

  private run(): void {
    this.immediate = undefined
    const startMs = this.clock.nowMs()
    this.deadlineMs = startMs + this.passBudgetMs
    const hasWork = !this.transmitAll() || this.hasWorkAfterRest()
    if (hasWork) this.scheduleRun()
    this.pace.ran(startMs, this.clock.nowMs())
    this.counters.flush()
    this.events.afterRun()
  }

  /** Asks every lane to ring. @returns whether there is work already */
  private hasWorkAfterRest(): boolean {
    let hasWork = this.slow.catchingUp.size > 0
    for (const link of this.links) hasWork = link.sleepUnlessWork() || hasWork
    return hasWork
  }

  /** @returns false when the time is up and something is left */
  private transmitAll(): boolean {
    this.readAll()
    for (const link of this.links) if (!this.goOnWithBegun(link)) return false
    // Neither those that are behind nor those that are not get all of the time.
    this.catchesUpFirst = !this.catchesUpFirst
    if (this.catchesUpFirst) {
      this.catchUpAll()
      return this.drainAll()
    }
    if (!this.drainAll()) return false
    this.catchUpAll()
    return true
  }

  /** Gives those that are behind what they have not got, until the time is up. */
  private catchUpAll(): void {
    for (const recipient of this.slow.catchingUp) {
      this.slow.catchUp(recipient)
      if (this.isTimeUp()) return
    }
  }

  /** Transmits what all lanes have published. @returns false when the time is up */
  private drainAll(): boolean {
    const count = this.links.length
    this.firstLink = (this.firstLink + 1) % count
    for (let index = 0; index < count; index++) {
      if (!this.drain(this.links[(this.firstLink + index) % count]!)) return false
    }
    return true
  }

  private isTimeUp(): boolean {
    return this.clock.nowMs() >= this.deadlineMs
  }

  /** Transmits what a lane has published. @returns false when the time is up */
  private drain(link: LaneLink): boolean {
    const { queue } = link
    for (;;) {
      this.read(link)
      link.window.makeRoom(firstUnsent(queue))
      const next = queue[0]
      if (next === undefined) return true
      if (next === TURN_ENDED) {
        queue.shift()
        this.endTurn(link)
      } else if (!this.goOn(link, next)) return false
    }
  }

  /** Goes on with the pass that ran out of time. @returns false when the time is up */
  private goOnWithBegun(link: LaneLink): boolean {
    const next = link.queue[0]
    return next === undefined || next === TURN_ENDED || !next.hasBegun || this.goOn(link, next)
  }

  private endTurn(link: LaneLink): void {
    this.counters.values[MAIN_SLOTS.turns]! += 1
    this.pace.reading(link)
    this.pace.turnEnded(link)
  }

  // Reading

  private readAll(): void {
    for (const link of this.links) this.read(link)
  }

  /** Queues records, and does at once all else that need not wait for them. */
  private read(link: LaneLink): void {
    const { queue, ring, window } = link
    let isAnyRead = false
    while (queue.length < QUEUE_MAX && mayRead(link)) {
      ring.next()
      isAnyRead = true
      const { kind, length, part, segment } = ring.descriptor
      if (length > 0) window.enter(segment, firstUnsent(queue))
      if (kind === AUDIENCE_FRAMES) this.queueRecord(link)
      else if (kind === TURN_END) queue.push(TURN_ENDED)
      else if (kind === PROMPT_TURN) link.isAside = part === 1
      else {
        if (!link.isAside) this.pace.reading(link)
        if (kind === GROUP_BEGUN) this.beginPart(link)
        else this.answers.take(link)
      }
    }
    if (!isAnyRead) return
    ring.release()
    link.tellRoom()
  }

  private queueRecord(link: LaneLink): void {
    const { descriptor } = link.ring
    const audience = link.audiences.get(descriptor.target)
    // Its last member has left meanwhile.
    if (audience === undefined) return
    const record = link.window.add(descriptor, audience.lastRecord, audience.bytesTotal)
    audience.recordRead(record, descriptor.length)
    link.queue.push(new RecordPass(audience, record, link.isAside))
  }

  private beginPart(link: LaneLink): void {
    const { lastOffset, part, target, ticksTotal } = link.ring.descriptor
    link.audiences.get(target)?.partSent(part, lastOffset, ticksTotal)
  }

  // A record for an audience

  /** Gives the record in hand to the members that are left. @returns false when the time is up, be the pass at its end or not */
  private goOn(link: LaneLink, pass: RecordPass): boolean {
    if (!pass.hasBegun) {
      if (!pass.isAside) this.pace.reading(link)
      pass.begin()
    }
    const { audience, memberCount, record } = pass
    const { members } = audience
    const { window } = link
    const start = window.start(record)
    const length = window.length(record)
    const segment = window.segment(record)
    let isTimeUp = false
    let position = audience.firstMember + pass.membersDone
    while (pass.membersDone < memberCount && !isTimeUp) {
      const member = members[position < memberCount ? position : position - memberCount]!
      pass.membersDone++
      position++
      if (member.receiving !== audience || member.nextRecord !== NO_RECORD || member.lastGiven >= record)
        continue
      if (member.blockedSinceMs !== 0) {
        member.nextRecord = record
        member.progress = audience.progress
        continue
      }
      const outcome = writeFrames(member, link, start, length)
      if (outcome === CLOSED) continue
      member.lastGiven = record
      if (outcome === HELD) this.slow.block(member, window, segment)
      pass.written++
      if (--this.writesUntilLook === 0) {
        this.writesUntilLook = WRITES_PER_LOOK
        this.count(link, pass)
        isTimeUp = this.isTimeUp()
        if (!isTimeUp) this.readAll()
      }
    }
    this.count(link, pass)
    if (pass.membersDone < memberCount) return false
    link.queue.shift()
    pass.end(window)
    if (audience.newcomers.size > 0) this.answers.letAskAnew(audience)
    return !isTimeUp
  }

  private count(link: LaneLink, pass: RecordPass): void {
    const { record, written } = pass
    if (written === 0) return
    pass.written = 0
    const { window } = link
    const ticks = window.tickCount(record)
    const length = window.length(record)
    countWrites(
      this.counters,
      written,
      written * ticks,
      written * window.messageCount(record),
      written * length,
    )
    this.pace.wrote(link, written, ticks, length)
    const receivedUs = window.received(record)
    if (receivedUs > 0) this.latency.observe(this.clock.epochUs() - receivedUs, written)
  }

  private scheduleRun(): void {
    if (this.immediate === undefined && !this.isStopped) this.immediate = setImmediate(this.continueRunning)
  }
}

/** Whether the next descriptor, if there is one, may be read now: what a turn says to single clients waits for the records before it. */
function mayRead({ isAside, queue, ring }: LaneLink): boolean {
  const kind = ring.nextKind()
  if (kind === undefined || isAside || queue.length === 0) return kind !== undefined
  return kind === AUDIENCE_FRAMES || kind === TURN_END || kind === PROMPT_TURN
}

/** The first record that is on its way; undefined: there is none. */
function firstUnsent(queue: LaneLink['queue']): number | undefined {
  for (const entry of queue) if (entry !== TURN_ENDED) return entry.record
  return undefined
}
