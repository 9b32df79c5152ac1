/**
 * The main thread's loop that takes turns from the lanes and gives each client one slice of the frame ring.
 * Per client and record it does one write: no copy, no closure, no allocation of ours. Bytes that the kernel has not taken
 * stay pinned until it has.
 */
import type { Clock } from '../clock.js'
import type { CounterWriter } from '../memory/counters.js'
import { ASIDE, AUDIENCE_FRAMES, PART_BEGUN, TURN_END } from '../memory/lane-layout.js'
import type { Histogram } from '../metrics/histogram.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { type AnswerEvents, Answers } from './answers.js'
import type { Audience } from './audience.js'
import { NO_RECORD } from './frame-window.js'
import { countWrites, writeFrames } from './frame-writes.js'
import type { LaneLink } from './lane-link.js'
import { Pace } from './pace.js'
import type { Recipient } from './recipient.js'
import { SlowRecipients } from './slow-recipients.js'

/** Writes between two looks at the clock: about a third of a millisecond. */
const WRITES_PER_LOOK = 32
/** Descriptors read before the lane may have their places, so that a lane with many audiences need not wait for a whole turn. */
const RECORDS_PER_RELEASE = 1024

/** One record on its way to the members of its audience. */
interface Pass {
  readonly link: LaneLink
  readonly audience: Audience
  readonly record: number
  readonly start: number
  readonly length: number
  readonly ticks: number
  readonly messages: number
  readonly receivedUs: number
  /** How many members the pass is for; it begins at `audience.firstMember`. */
  readonly memberCount: number
  membersDone: number
  /** Writes not counted yet. */
  written: number
}

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
  private readonly pace: Pace
  private readonly links: LaneLink[]
  private readonly slow: SlowRecipients
  private readonly answers: Answers
  private readonly continueRunning = (): void => this.run()

  private immediate: NodeJS.Immediate | undefined
  private isStopped = false
  /** At which lane the next round begins. */
  private firstLink = 0
  /** The pass in hand; it stays open when it runs out of time. */
  private pass: Pass | undefined
  private deadlineMs = 0
  private writesUntilLook = WRITES_PER_LOOK

  constructor(options: {
    clock: Clock
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
    this.pace = new Pace(
      options.links,
      options.gatherMs,
      () => values[MAIN_SLOTS.messagesReceived]!,
      () => values[MAIN_SLOTS.ticksReceived]!,
      options.clock,
    )
    this.slow = new SlowRecipients({
      clock: options.clock,
      counters: options.counters,
      links: options.links,
      isInHand: (link, record) => this.pass?.record === record && this.pass.link === link,
      lapped: recipient => options.events.lapped(recipient),
      caughtUp: recipient => options.events.caughtUp(recipient),
      goOn: () => this.scheduleRun(),
      drained: () => {
        if (this.isDrained) this.scheduleRun()
      },
    })
    this.answers = new Answers(options.events, options.counters, this.slow)
  }

  add(recipient: Recipient): void {
    this.answers.add(recipient)
  }

  /** Takes a recipient out for good; its socket is closed, so what it pinned is free. */
  leave(recipient: Recipient): void {
    if (recipient.hasLeft) return
    recipient.hasLeft = true
    this.mute(recipient)
    this.answers.remove(recipient)
    this.slow.unblock(recipient)
    // Not told here: this may be in the midst of a run.
    if (this.isDrained) this.scheduleRun()
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

  /** Whether all that was published is with the kernel. */
  get isDrained(): boolean {
    if (this.pass !== undefined || this.slow.blocked.size > 0 || this.slow.catchingUp.size > 0) return false
    return this.links.every(link => !link.ring.hasNext())
  }

  /** Whether all that this lane has published was handed to sockets, or to those that are behind. */
  isTransmitted(link: LaneLink): boolean {
    return this.pass?.link !== link && !link.ring.hasNext()
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
    if (this.pass !== undefined && !this.goOn(this.pass)) return false
    for (const recipient of this.slow.catchingUp) {
      this.slow.catchUp(recipient)
      // Those that are not behind get at least a look's worth of writes below, and the pass they begin goes first next time.
      if (this.isTimeUp()) break
    }
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
    const { ring } = link
    let records = 0
    while (ring.next()) {
      const { kind, length, part, segment } = ring.descriptor
      if (kind === ASIDE) link.isAside = part === 1
      else if (!link.isAside) this.pace.reading(link)
      if (length > 0) link.window.enter(segment)
      if (kind === AUDIENCE_FRAMES) {
        if (!this.beginPass(link)) return false
      } else if (kind === PART_BEGUN) this.beginPart(link)
      else if (kind === TURN_END) this.endTurn(link)
      else if (kind !== ASIDE) this.answers.take(link)
      if (++records % RECORDS_PER_RELEASE === 0) {
        ring.release()
        link.tellRoom()
      }
    }
    ring.release()
    link.tellRoom()
    return true
  }

  private endTurn(link: LaneLink): void {
    this.counters.values[MAIN_SLOTS.turns]! += 1
    link.ring.release()
    this.pace.turnEnded(link)
  }

  private beginPart(link: LaneLink): void {
    const { lastOffset, part, target, ticksTotal } = link.ring.descriptor
    link.audiences.get(target)?.partSent(part, lastOffset, ticksTotal)
  }

  // A record for an audience

  private beginPass(link: LaneLink): boolean {
    const { descriptor } = link.ring
    const audience = link.audiences.get(descriptor.target)
    // Its last member has left meanwhile.
    if (audience === undefined) return true
    const record = link.window.add(descriptor, audience.lastRecord, audience.bytesTotal)
    audience.lastRecord = record
    audience.bytesTotal += descriptor.length
    audience.dropLeavers()
    const memberCount = audience.members.length
    audience.firstMember = memberCount === 0 ? 0 : (audience.firstMember + 1) % memberCount
    this.pass = {
      link,
      audience,
      record,
      start: descriptor.start,
      length: descriptor.length,
      ticks: descriptor.ticks,
      messages: descriptor.messages,
      receivedUs: descriptor.receivedUs,
      memberCount,
      membersDone: 0,
      written: 0,
    }
    return this.goOn(this.pass)
  }

  /** Gives the record to the members that are left. @returns false when the time is up, be the pass at its end or not */
  private goOn(pass: Pass): boolean {
    const { audience, length, link, memberCount, record, start } = pass
    const { members } = audience
    const segment = link.window.segment(record)
    let isTimeUp = false
    let position = audience.firstMember + pass.membersDone
    for (; pass.membersDone < memberCount; pass.membersDone++, position++) {
      const member = members[position < memberCount ? position : position - memberCount]!
      if (member.receiving !== audience || member.nextRecord !== NO_RECORD) continue
      if (member.blockedSinceMs !== 0) {
        member.nextRecord = record
        member.progress = audience.progress
        continue
      }
      // Closing: its end is on the way.
      if (!member.socket.writable) continue
      if (!writeFrames(member, link, start, length)) this.slow.block(member, link.window, segment)
      pass.written++
      if (--this.writesUntilLook === 0) {
        this.writesUntilLook = WRITES_PER_LOOK
        this.count(pass)
        if (this.isTimeUp()) {
          isTimeUp = true
          pass.membersDone++
          break
        }
      }
    }
    this.count(pass)
    if (pass.membersDone < memberCount) return false
    audience.recordSent(link.window, record)
    this.pass = undefined
    if (audience.newcomers.size > 0) this.answers.letAskAnew(audience)
    return !isTimeUp
  }

  private count(pass: Pass): void {
    const { written } = pass
    if (written === 0) return
    pass.written = 0
    countWrites(this.counters, written, written * pass.ticks, written * pass.messages, written * pass.length)
    this.pace.wrote(pass.link, written, pass.ticks, pass.length)
    if (pass.receivedUs > 0) this.latency.observe(this.clock.epochUs() - pass.receivedUs, written)
  }

  private scheduleRun(): void {
    if (this.immediate === undefined && !this.isStopped) this.immediate = setImmediate(this.continueRunning)
  }
}
