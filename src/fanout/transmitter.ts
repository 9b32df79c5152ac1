/**
 * The main thread's loop that takes turns from the lanes and gives each client one slice of the frame ring.
 * Per client and record it does one write: no copy, no closure, no allocation of ours. Bytes that the kernel has not taken
 * stay pinned until it has.
 */
import type { Clock } from '../clock.js'
import type { CounterWriter } from '../memory/counters.js'
import {
  ANSWER_BEGUN,
  AUDIENCE_FRAMES,
  CLIENT_FRAMES,
  JOINED,
  PART_BEGUN,
  REPLAYED,
  TURN_END,
} from '../memory/lane-layout.js'
import type { Histogram } from '../metrics/histogram.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import { isConflated } from '../protocol/audience-spec.js'
import type { ReplayPosition } from '../protocol/lane-commands.js'
import type { Audience } from './audience.js'
import { NO_DESCRIPTOR, tryWriteDirect } from './direct-write.js'
import { type FrameWindow, NO_RECORD } from './frame-window.js'
import type { LaneLink } from './lane-link.js'
import { Pace } from './pace.js'
import type { JoinPlace, Recipient } from './recipient.js'

/** Writes between two looks at the clock: about a third of a millisecond. */
const WRITES_PER_LOOK = 32
/** What one recipient that is behind may be given before the others' turn comes again, bytes. */
const CATCH_UP_BYTES_MAX = 1 << 20
/** The longest single write of a recipient that is behind: what it pins if it blocks again. */
const CATCH_UP_WRITE_BYTES_MAX = 256 * 1024
/** Descriptors read before the lane may have their places, so that a lane with many audiences need not wait for a whole turn. */
const RECORDS_PER_RELEASE = 1024
const NO_BYTES = Buffer.alloc(0)

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

export interface TransmitterEvents {
  /** The recipient fell out of the window, or has waited: it has to join anew, from `recipient.progress`. */
  lapped(recipient: Recipient): void
  /**
   * The recipient's lane has answered what it asked for.
   *
   * @param isWhole false: the lane has died since, and the snapshot that it was given has no end
   * @returns the audience that it joins by that
   */
  joined(recipient: Recipient, isWhole: boolean): Audience | undefined
  /** The lane has answered too early: the recipient is behind or blocked. */
  deferred(recipient: Recipient): void
  /** The recipient was given a part of what it missed while it was away. */
  replayed(recipient: Recipient, position: ReplayPosition): void
  /** The recipient is closing and cannot be given the part that it asked for: what it wants is for nobody. */
  replayEnded(recipient: Recipient): void
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
  private readonly recipients = new Map<number, Recipient>()
  private readonly blocked = new Set<Recipient>()
  /** Recipients that are behind and not blocked: what they may be given at once was given. */
  private readonly catchingUp = new Set<Recipient>()
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
      options.clock,
    )
  }

  add(recipient: Recipient): void {
    this.recipients.set(recipient.id, recipient)
  }

  /** Takes a recipient out for good; its socket is closed, so what it pinned is free. */
  leave(recipient: Recipient): void {
    if (recipient.hasLeft) return
    recipient.hasLeft = true
    this.mute(recipient)
    this.recipients.delete(recipient.id)
    this.unblock(recipient)
    // Not told here: this may be in the midst of a run.
    if (this.isDrained) this.scheduleRun()
  }

  /** Sends no more frames to a recipient; its socket may stay open to be closed in order. */
  mute(recipient: Recipient): void {
    recipient.join++
    recipient.receiving?.release(recipient)
    recipient.waitsIn?.newcomers.delete(recipient)
    recipient.nextRecord = NO_RECORD
    this.catchingUp.delete(recipient)
  }

  /** Those whose socket has not taken all that was written. */
  blockedRecipients(): Iterable<Recipient> {
    return this.blocked
  }

  /** Whether all that was published is with the kernel. */
  get isDrained(): boolean {
    if (this.pass !== undefined || this.blocked.size > 0 || this.catchingUp.size > 0) return false
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
    for (const recipient of this.recipients.values())
      if (recipient.asked?.audience.lane === link.index) this.endHalfAnswer(recipient)
    link.laneEnded()
    this.pace.laneEnded(link)
  }

  /** Ends those who hold bytes that the lane needs. */
  cutOffHolders(link: LaneLink, segment: number): void {
    for (const recipient of this.blocked) {
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
    let hasWork = this.catchingUp.size > 0
    for (const link of this.links) hasWork = link.sleepUnlessWork() || hasWork
    return hasWork
  }

  /** @returns false when the time is up and something is left */
  private transmitAll(): boolean {
    if (this.pass !== undefined && !this.goOn(this.pass)) return false
    for (const recipient of this.catchingUp) {
      this.catchUp(recipient)
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
      this.pace.reading(link)
      const { kind, length, segment } = ring.descriptor
      if (length > 0) link.window.enter(segment)
      if (kind === AUDIENCE_FRAMES) {
        if (!this.beginPass(link)) return false
      } else if (kind === CLIENT_FRAMES || kind === ANSWER_BEGUN) this.answer(link)
      else if (kind === REPLAYED) this.replay(link)
      else if (kind === JOINED) this.admit(link)
      else if (kind === PART_BEGUN) this.beginPart(link)
      else if (kind === TURN_END) this.endTurn(link)
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
      if (!write(member, link, start, length)) this.block(member, link.window, segment)
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
    if (audience.newcomers.size > 0) this.letAskAnew(audience)
    return !isTimeUp
  }

  private count(pass: Pass): void {
    const { written } = pass
    if (written === 0) return
    pass.written = 0
    this.countWrites(written, written * pass.ticks, written * pass.messages, written * pass.length)
    this.pace.wrote(pass.link, written, pass.ticks, pass.length)
    if (pass.receivedUs > 0) this.latency.observe(this.clock.epochUs() - pass.receivedUs, written)
  }

  private countWrites(writes: number, ticks: number, messages: number, bytes: number): void {
    const { values } = this.counters
    values[MAIN_SLOTS.writes]! += writes
    values[MAIN_SLOTS.ticksBroadcast]! += ticks
    values[MAIN_SLOTS.messages]! += messages
    values[MAIN_SLOTS.bytesSent]! += bytes
  }

  // Frames for one client

  private recipientOf(link: LaneLink): Recipient | undefined {
    const { descriptor } = link.ring
    const recipient = this.recipients.get(descriptor.target)
    // It has left, or has asked again since, or a successor of the lane repeats an answer.
    if (recipient?.asked === undefined || recipient.join !== descriptor.join) return undefined
    return recipient
  }

  private answer(link: LaneLink): void {
    const recipient = this.recipientOf(link)
    if (recipient === undefined || !recipient.socket.writable) return
    if (recipient.isBehind || (recipient.isBlocked && !mayAnswerBlocked(recipient))) {
      this.events.deferred(recipient)
      return
    }
    recipient.answered = recipient.join
    this.writeTo(recipient, link)
    if (link.ring.descriptor.kind === ANSWER_BEGUN)
      recipient.halfAnswer = { join: recipient.join, place: joinPlace(link) }
  }

  /** A part of what a recipient missed while it was away. */
  private replay(link: LaneLink): void {
    const recipient = this.recipientOf(link)
    if (recipient === undefined) return
    if (!recipient.socket.writable) {
      this.events.replayEnded(recipient)
      return
    }
    this.writeTo(recipient, link)
    const { descriptor } = link.ring
    const { lastOffset, lostTotal, messages, part, ticksTotal, unknownLosses } = descriptor
    const continuity = {
      lastPosition: ticksTotal,
      lostSincePosition: lostTotal,
      seamOpen: unknownLosses === 1,
    }
    if (part === 0) {
      const seq = typeof recipient.replay === 'object' ? recipient.replay.seq + messages : messages
      this.events.replayed(recipient, { offset: lastOffset, seq, continuity })
    } else {
      // The snapshot has told the number from which its audience goes on.
      const { seq } = recipient.asked!.audience
      recipient.answered = recipient.join
      recipient.halfAnswer = { join: recipient.join, place: { offset: lastOffset, seq, continuity } }
    }
  }

  /** Gives one recipient the frames of the descriptor in hand. */
  private writeTo(recipient: Recipient, link: LaneLink): void {
    const { length, messages, segment, start, ticks } = link.ring.descriptor
    const isTaken = write(recipient, link, start, length)
    this.countWrites(1, ticks, messages, length)
    if (!isTaken) this.block(recipient, link.window, segment)
  }

  private admit(link: LaneLink): void {
    const recipient = this.recipientOf(link)
    if (recipient !== undefined) this.letIn(recipient, joinPlace(link), true)
  }

  private letIn(recipient: Recipient, { progress, waits }: JoinPlace, isWhole: boolean): void {
    if (recipient.waitsIn !== undefined) recipient.waitsIn.newcomers.delete(recipient)
    else if (recipient.progress !== undefined && recipient.audience !== undefined)
      this.countLapped(recipient.audience.progress.ticksTotal - recipient.progress.ticksTotal)
    recipient.receiving?.release(recipient)
    recipient.waitsIn = undefined
    recipient.halfAnswer = undefined
    recipient.progress = waits ? progress : undefined
    const audience = this.events.joined(recipient, isWhole)
    if (audience === undefined) return
    audience.joinedAt(progress.lastOffset)
    if (!waits) audience.admit(recipient)
    else {
      recipient.waitsIn = audience
      audience.newcomers.add(recipient)
    }
  }

  /** A lane has died in the midst of an answer: its successor is not to repeat what the recipient was given of it. */
  private endHalfAnswer(recipient: Recipient): void {
    const { halfAnswer } = recipient
    recipient.halfAnswer = undefined
    if (halfAnswer === undefined || halfAnswer.join !== recipient.join) return
    const { place } = halfAnswer
    if ('waits' in place) this.letIn(recipient, place, false)
    else this.events.replayed(recipient, place)
  }

  /** The audience has been sent what its newcomers did not wait for: from here on they can be in it, but for what comes meanwhile. */
  private letAskAnew(audience: Audience): void {
    for (const recipient of audience.newcomers) {
      if (recipient.asked !== undefined || recipient.isBlocked) continue
      audience.newcomers.delete(recipient)
      this.events.lapped(recipient)
    }
  }

  /** @param missed ticks that it was told are missing; 0: it wanted the latest ones only, and has been given them */
  private countLapped(missed: number): void {
    const { values } = this.counters
    if (missed === 0) values[MAIN_SLOTS.skippedAhead]! += 1
    else {
      values[MAIN_SLOTS.lapped]! += 1
      values[MAIN_SLOTS.ticksDroppedSlow]! += missed
    }
  }

  // Slow clients

  /** The kernel has not taken all: the bytes stay as they are until it has. */
  private block(recipient: Recipient, window: FrameWindow, segment: number): void {
    this.counters.values[MAIN_SLOTS.writesBlocked]! += 1
    window.pin(segment)
    recipient.pins.push({ window, segment })
    if (recipient.isBlocked) return
    recipient.blockedSinceMs = this.clock.nowMs()
    this.blocked.add(recipient)
    this.awaitDrain(recipient)
  }

  /** A write of nothing comes to its end when all before it has. ('drain' is only told of writes above a mark.) */
  private awaitDrain(recipient: Recipient): void {
    recipient.socket.write(NO_BYTES, error => {
      if (recipient.hasLeft) return
      if (error) this.counters.values[MAIN_SLOTS.broadcastErrors]! += 1
      else if (recipient.socket.writableLength > 0) this.awaitDrain(recipient)
      else {
        this.unblock(recipient)
        if (recipient.nextRecord !== NO_RECORD) this.catchUp(recipient)
        else this.events.caughtUp(recipient)
        if (this.isDrained) this.scheduleRun()
      }
    })
  }

  private unblock(recipient: Recipient): void {
    if (!recipient.isBlocked) return
    this.blocked.delete(recipient)
    recipient.blockedSinceMs = 0
    recipient.unblockedMs = this.clock.nowMs()
    const pins = recipient.pins.splice(0)
    for (const { window, segment } of pins) window.unpin(segment)
  }

  /** Gives a recipient what it has not got, in writes as large as the ring has it in a row. */
  private catchUp(recipient: Recipient): void {
    const audience = recipient.receiving
    const link = audience && this.links[audience.lane]
    if (audience === undefined || link === undefined || !recipient.socket.writable) {
      this.catchingUp.delete(recipient)
      return
    }
    let bytesLeft = CATCH_UP_BYTES_MAX
    while (recipient.nextRecord !== NO_RECORD) {
      if (this.isLeftBehind(recipient, audience, link.window)) {
        this.lap(recipient)
        return
      }
      // A pass in hand gives its record to those that are not behind; who gets it here would get it twice.
      if (bytesLeft <= 0 || this.isInHand(link, recipient.nextRecord)) {
        // To the end of the line.
        this.catchingUp.delete(recipient)
        this.catchingUp.add(recipient)
        this.scheduleRun()
        return
      }
      bytesLeft -= this.writeRecords(recipient, audience, link)
      if (recipient.isBlocked || !recipient.socket.writable) break
    }
    this.catchingUp.delete(recipient)
    if (recipient.isBehind) return
    recipient.progress = undefined
    this.events.caughtUp(recipient)
  }

  /** Whether the pass in hand is for this record; each lane numbers its own. */
  private isInHand(link: LaneLink, record: number): boolean {
    return this.pass?.record === record && this.pass.link === link
  }

  /** Whether what it has not got is gone, or not worth being sent to it any more. */
  private isLeftBehind({ limits, nextRecord }: Recipient, audience: Audience, window: FrameWindow): boolean {
    if (!window.holds(nextRecord) || isConflated(audience.spec)) return true
    if (audience.bytesTotal - window.bytesTotalBefore(nextRecord) > limits.lagBytesMax) return true
    const receivedUs = window.received(nextRecord)
    return receivedUs > 0 && this.clock.epochUs() - receivedUs > limits.ageMsMax * 1000
  }

  /** Writes the next records that lie side by side. @returns bytes written */
  private writeRecords(recipient: Recipient, audience: Audience, link: LaneLink): number {
    const { window } = link
    const first = recipient.nextRecord
    const start = window.start(first)
    const segment = window.segment(first)
    let progress = window.progress(first, recipient.progress ?? audience.progress)
    let length = window.length(first)
    let messages = window.messageCount(first)
    let ticks = window.tickCount(first)
    let next = window.next(first)
    while (
      next !== NO_RECORD &&
      !this.isInHand(link, next) &&
      window.start(next) === start + length &&
      window.segment(next) === segment &&
      length + window.length(next) <= CATCH_UP_WRITE_BYTES_MAX
    ) {
      progress = window.progress(next, progress)
      length += window.length(next)
      messages += window.messageCount(next)
      ticks += window.tickCount(next)
      next = window.next(next)
    }
    recipient.progress = progress
    recipient.nextRecord = next
    const isTaken = write(recipient, link, start, length)
    this.countWrites(1, ticks, messages, length)
    if (!isTaken) this.block(recipient, window, segment)
    return length
  }

  private lap(recipient: Recipient): void {
    this.catchingUp.delete(recipient)
    recipient.nextRecord = NO_RECORD
    recipient.receiving?.release(recipient)
    this.events.lapped(recipient)
  }

  private scheduleRun(): void {
    if (this.immediate === undefined && !this.isStopped) this.immediate = setImmediate(this.continueRunning)
  }
}

/** Where the descriptor in hand lets a client in. */
function joinPlace({ ring }: LaneLink): JoinPlace {
  const { lastOffset, lostTotal, part, ticksTotal, unknownLosses } = ring.descriptor
  const progress = { ticksTotal, lostTotal, unknownLosses, lastOffset, flushedOffset: lastOffset }
  return { progress, waits: part === 1 }
}

/**
 * The rest of an answer follows its first part. And one that was put off once has taken all that it held since: it reads. If each turn
 * blocked it again, just before the answer at the turn's end, it could never ask for less.
 */
function mayAnswerBlocked({ answered, asked, join }: Recipient): boolean {
  return answered === join || asked?.wasDeferred === true
}

/** Gives a writable socket bytes of the ring. @returns whether the kernel has them all; if not, the socket holds them */
function write({ descriptor, socket }: Recipient, link: LaneLink, start: number, length: number): boolean {
  let taken = 0
  // What the stream holds, such as half of an answer, goes first.
  if (descriptor !== NO_DESCRIPTOR && socket.writableLength === 0) {
    taken = tryWriteDirect(descriptor, link.bytes, start, length)
    if (taken === length) return true
  }
  socket.write(link.slice(start + taken, length - taken))
  return socket.writableLength === 0
}
