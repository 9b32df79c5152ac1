/**
 * The joins that a lane has read, and their answers: with each turn, or between two, as many as do not delay the next one. One lane's own.
 * A join holds for the offset at which it is answered: up to there the client gets all of the audience that it leaves.
 */

import { isConflated } from '../../src/lane-protocol/audience-spec.js'
import {
  type JoinCommand,
  type Progress,
  RESUME_GONE,
  type ReplayPosition,
  snapshotSymbols,
  wantsAllLatest,
} from '../../src/lane-protocol/lane-commands.js'
import { CONTINUITY_AT_START } from '../../src/memory/continuity-state.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { ConflationSchedule } from '../conflate/conflation-schedule.js'
import {
  type Admission,
  ALL_CONFLATED,
  EVERYTHING,
  type Frames,
  IS_IN,
  IS_WHERE_IT_WAS,
  type LatestFrames,
  NOBODYS_FRAMES,
  NOTHING,
  type Since,
} from './latest-frames.js'
import type { Replayer, ReplayPart } from './replayer.js'
import {
  isBehind,
  joinAnswer,
  joinFrames,
  liveAnswer,
  lossesSince,
  NO_FRAMES,
  notResumedAnswer,
  replayBrokenAnswer,
  resumedAnswer,
} from './reply-messages.js'

/** Joins that may wait before no more is read. */
const WAITING_MAX = 16_384
/** Joins answered at once at the most: those without a snapshot take 10 to 20 µs each. */
const ANSWERED_MAX = 256
/** Copies of one snapshot, in bounds of a turn's answers: encoding takes fifty times as long as copying. */
const COPIES_MAX = 8
/** Of those, what a client that leaves an audience may be given alone. The answer and a snapshot's first part go into the same segment. */
const FAREWELL_SHARE = 1 / 4

interface WaitingJoin {
  readonly join: JoinCommand
  /** Joins with the same one want the same snapshot; undefined: none, or one that nobody else wants. */
  readonly snapshotKey: string | undefined
}

export interface AdmissionsDeps {
  readonly epoch: string
  readonly audiences: ReadonlyMap<number, LaneAudience>
  readonly schedule: ConflationSchedule
  readonly latestFrames: LatestFrames
  readonly replayer: Replayer
  /** What answers given at once may take, about, bytes; one is given in any case. */
  readonly answerBytesMax: number
  /** Called with the client that is answered next; 0: none is. */
  readonly answering: (client: number) => void
  /** Sends the parts that are to be sent. */
  readonly flushParts: () => void
  readonly nowMs: () => number
}

export class Admissions {
  private readonly parts: AdmissionsDeps
  private readonly waiting: WaitingJoin[] = []

  constructor(parts: AdmissionsDeps) {
    this.parts = parts
  }

  get areWaiting(): boolean {
    return this.waiting.length > 0
  }

  get areFull(): boolean {
    return this.waiting.length >= WAITING_MAX
  }

  /** Whether the next answers take long enough that nobody else should wait for them. */
  get takeTime(): boolean {
    return this.next.some(({ join, snapshotKey }) => snapshotKey !== undefined || join.replay !== null)
  }

  /** Whether all that are answered next want every tick from here on, and did so before, and nothing else: then their answers need nothing of the turn's. */
  get arePlain(): boolean {
    for (const { join, snapshotKey } of this.next) {
      if (snapshotKey !== undefined || join.replay !== null || join.fellBehindAt !== null) return false
      for (const audience of this.audiencesOf(join)) if (audience.parts.length > 0) return false
    }
    return this.areWaiting
  }

  /** The audiences that those who are answered next leave and join. */
  audiencesAsked(): Set<LaneAudience> {
    return new Set(this.next.flatMap(({ join }) => this.audiencesOf(join)))
  }

  /** Those who are answered next. */
  private get next(): readonly WaitingJoin[] {
    return this.waiting.slice(0, ANSWERED_MAX)
  }

  private audiencesOf({ audience, leaving }: JoinCommand): LaneAudience[] {
    const { audiences } = this.parts
    return [audiences.get(leaving), audiences.get(audience)].filter(each => each !== undefined)
  }

  add(join: JoinCommand): void {
    this.waiting.push({ join, snapshotKey: snapshotKeyOf(join) })
  }

  /** Answers some of those that wait. @param offset of the last tick that was taken */
  answer(offset: number): void {
    const next = this.waiting.splice(0, ANSWERED_MAX)
    let bytes = 0
    while (next.length > 0 && bytes < this.parts.answerBytesMax) {
      const { join } = next[0]!
      const audience = this.parts.audiences.get(join.audience)
      // Closed since: the client has left.
      if (audience === undefined) next.shift()
      else if (join.replay === null) bytes += this.answerAlike(next, audience, offset)
      else {
        next.shift()
        this.parts.answering(join.client)
        this.prepare(join, audience, offset)
        bytes += this.answerReplay(join, join.replay, audience)
      }
    }
    this.parts.answering(0)
    this.waiting.unshift(...next)
  }

  /** Answers the first of `next`, and with it others that want the same snapshot. @returns bytes */
  private answerAlike(next: WaitingJoin[], audience: LaneAudience, offset: number): number {
    const { answerBytesMax, epoch, latestFrames } = this.parts
    const { join } = next[0]!
    this.parts.answering(join.client)
    const missed = missedBy(join)
    const snapshot = latestFrames.snapshotFor(join, audience, missed)
    const alike = takeAlike(next, (COPIES_MAX * answerBytesMax) / (snapshot.bytes + 1))
    const admissions = alike.map(each => {
      this.parts.answering(each.client)
      // First: a member that joins anew is sent what the others are sent.
      this.prepare(each, audience, offset)
      const { frames: farewell, messages, ticks } = this.farewell(each, offset)
      const frames = joinFrames(farewell, joinAnswer(each, audience, epoch))
      const waits = audience.parts.some(part => part.hasNews())
      return { join: each, frames, framesAfter: NO_FRAMES, messages, ticks, waits, halfWay: IS_IN } as const
    })
    return latestFrames.admit(admissions, audience, snapshot)
  }

  /**
   * What waits for an interval to be over in the audience that the client leaves: up to here it gets all of that. Others in that
   * audience are sent nothing before its time.
   */
  private farewell(join: JoinCommand, offset: number): Frames {
    const { answerBytesMax, audiences, latestFrames, schedule } = this.parts
    const left = audiences.get(join.leaving)
    if (left === undefined || isBehind(join)) return NOBODYS_FRAMES
    const bytesMax = FAREWELL_SHARE * answerBytesMax
    if (join.fellBehindAt !== null) {
      left.sentOffset = Math.max(left.sentOffset, offset)
      const missed = latestFrames.farewellSince(join, left, after(join.fellBehindAt), bytesMax)
      return { ...missed, frames: joinFrames(lossesSince(join.fellBehindAt, left), missed.frames) }
    }
    const frames = latestFrames.farewell(left, offset, bytesMax)
    if (frames !== undefined) return frames
    for (const part of left.parts) if (part.hasNews()) schedule.flushNow(part)
    this.flushParts(join)
    return NOBODYS_FRAMES
  }

  /**
   * Readies the audience that a client joins: what waits for its interval to be over would tell the client of what was before. It is
   * sent now if that was not done in this interval; otherwise the client is the one who waits, unless it would miss others by that.
   */
  private prepare(join: JoinCommand, audience: LaneAudience, offset: number): void {
    const { latestFrames, nowMs, schedule } = this.parts
    const mayWait = audience.isConflated && join.replay === null
    for (const part of audience.parts) {
      if (!part.hasBegun || !part.hasNews()) continue
      if (mayWait) schedule.hurry(part)
      else schedule.flushNow(part)
    }
    if (audience.parts.length > 0) this.flushParts(join)
    // An audience that gathered nothing is up to date without having been written; a successor may be behind what was written.
    audience.sentOffset = Math.max(audience.sentOffset, offset)
    for (const part of audience.parts) {
      if (part.hasBegun) continue
      latestFrames.begin(part, offset)
      schedule.start(part, nowMs())
    }
  }

  /** What is sent to an audience is not the client's, should it bring about this thread's end. */
  private flushParts({ client }: JoinCommand): void {
    const { answering, flushParts } = this.parts
    answering(0)
    flushParts()
    answering(client)
  }

  /** Gives a client that resumes a part of what it missed; with the last one it joins. @returns bytes */
  private answerReplay(
    join: JoinCommand,
    from: ReplayPosition | typeof RESUME_GONE,
    audience: LaneAudience,
  ): number {
    const { epoch, latestFrames } = this.parts
    const part = from === RESUME_GONE ? undefined : this.nextPart(from, audience)
    const framesAfter = liveAnswer(audience)
    const isFirst = from === RESUME_GONE || from.continuity === null
    if (part === undefined) {
      const since = from === RESUME_GONE ? undefined : from.offset
      const admission = { ...NOBODYS_FRAMES, join, waits: false }
      if (isFirst) {
        const frames = notResumedAnswer(join, audience, epoch, since)
        return this.admit(
          { ...admission, frames, framesAfter: NO_FRAMES, halfWay: IS_IN },
          audience,
          EVERYTHING,
        )
      }
      const frames = replayBrokenAnswer(audience, since ?? 0)
      return this.admit({ ...admission, frames, framesAfter, halfWay: IS_WHERE_IT_WAS }, audience, EVERYTHING)
    }
    const head = isFirst && from !== RESUME_GONE ? resumedAnswer(join, audience, epoch, from) : NO_FRAMES
    const isLast = part.position.offset >= audience.sentOffset
    const frames = joinFrames(head, part.frames)
    const { messages, position, ticks } = part
    const admission = { join, frames, framesAfter, messages, ticks, waits: false, halfWay: position }
    if (isLast) return this.admit(admission, audience, ALL_CONFLATED)
    latestFrames.replay(join, { ...part, frames })
    return frames.length
  }

  private nextPart(from: ReplayPosition, audience: LaneAudience): ReplayPart | undefined {
    const offset = audience.sentOffset
    if (!isConflated(audience.spec)) return this.parts.replayer.next(from, audience, offset)
    // What it missed is over: the latest is all that it wants. Of one who is given no ticks of the past any continuity will do.
    return { ...NOBODYS_FRAMES, position: { ...from, offset, continuity: CONTINUITY_AT_START } }
  }

  private admit(admission: Admission, audience: LaneAudience, since: Since): number {
    const { latestFrames } = this.parts
    return latestFrames.admit(
      [admission],
      audience,
      latestFrames.snapshotFor(admission.join, audience, since),
    )
  }
}

/** Takes out the first, and those that want the same snapshot, up to so many. */
function takeAlike(next: WaitingJoin[], countMax: number): JoinCommand[] {
  const [first, ...others] = next.splice(0)
  const alike = [first!.join]
  for (const each of others) {
    const isAlike = each.snapshotKey !== undefined && each.snapshotKey === first!.snapshotKey
    if (isAlike && alike.length + 1 <= countMax) alike.push(each.join)
    else next.push(each)
  }
  return alike
}

/** Of which ticks a client is given the latest, beside those of the symbols that it asked for. */
function missedBy(join: JoinCommand): Since {
  if (wantsAllLatest(join.answers)) return EVERYTHING
  return isBehind(join) ? after(join.fellBehindAt!) : NOTHING
}

function after({ flushedOffset, lastOffset }: Progress): Since {
  return { every: lastOffset, latest: flushedOffset }
}

function snapshotKeyOf(join: JoinCommand): string | undefined {
  const { answers, audience, replay } = join
  const fellBehindAt = isBehind(join) ? join.fellBehindAt : null
  if (replay !== null) return undefined
  const symbols = snapshotSymbols(answers)
  const all = wantsAllLatest(answers)
  if (symbols.length === 0 && fellBehindAt === null && !all) return undefined
  return JSON.stringify([audience, fellBehindAt?.lastOffset, fellBehindAt?.flushedOffset, symbols, all])
}
