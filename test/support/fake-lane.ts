/**
 * A lane without a thread: writes its frame ring by hand. A record is readable text, `<audience>:<tick>;` for each
 * tick, numbered from 1 for each audience, so a test checks what a client got without a decoder. A status of the feed is
 * `<audience>#<number>;`.
 */
import type { JoinCommand, LaneCommand } from '../../src/lane-protocol/lane-commands.js'
import type { LaneHandle } from '../../src/lanes/lane-handle.js'
import { AudienceDescriptor, NO_GROUP } from '../../src/memory/audience-descriptor.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import {
  AWAIT_FLUSH,
  LIVE,
  MORE,
  ReplyDescriptor,
  type ReplyOutcome,
  UNCHANGED,
} from '../../src/memory/reply-descriptor.js'
import {
  PACED,
  PROMPT,
  TurnBeginDescriptor,
  TurnEndDescriptor,
  type TurnPace,
} from '../../src/memory/turn-descriptor.js'

export class FakeLane {
  /** The commands that the lane has not obeyed. */
  readonly commands: LaneCommand[] = []
  readonly ticksTotals: Map<number, number>
  /** Number of the status that each audience was told last. */
  readonly statusNumbers: Map<number, number>
  /** Number of the present status of the feed. An audience is told it with its next record. */
  status = 0
  readonly ring: FrameRingWriter
  /** Whether clients that it replies to are to wait for the next flush. */
  newcomersWait = false
  /**
   * Whether a reply begins with `<audience>-<ticks>;`: how many ticks of the audience that the client leaves are before
   * it.
   */
  tellsLeft = false
  private readonly frames = new AudienceDescriptor()
  private readonly reply = new ReplyDescriptor()
  private readonly turnBegin = new TurnBeginDescriptor()
  private readonly turnEnd = new TurnEndDescriptor()
  private isInTurn = false

  /** @param before the lane that it succeeds */
  constructor(handle: LaneHandle, before?: FakeLane) {
    this.ring = new FrameRingWriter(handle.memory, handle.layout)
    // The task of a successor names the open audiences. The requests in flight are sent again.
    this.ticksTotals = new Map(before?.ticksTotals)
    for (const audience of handle.stream.audiences.keys())
      this.ticksTotals.set(audience, this.ticksTotal(audience))
    this.tellsLeft = before?.tellsLeft ?? false
    this.status = before?.status ?? 0
    this.statusNumbers = new Map(before?.statusNumbers)
    for (const audience of handle.stream.audiences.keys()) this.openStatus(audience)
  }

  ticksTotal(audience: number): number {
    return this.ticksTotals.get(audience) ?? 0
  }

  /** Number of the status that the audience was told last. */
  statusNumber(audience: number): number {
    return this.statusNumbers.get(audience) ?? this.status
  }

  /** Describes frames of the audience's next ticks. @returns false when the ring is full */
  record(audience: number, ticks = 1, receivedUs = 0): boolean {
    const before = this.ticksTotal(audience)
    const status = this.statusNumber(audience) < this.status ? `${audience}#${this.status};` : ''
    const tickWords = Array.from({ length: ticks }, (_, tick) => `${audience}:${before + tick + 1};`)
    const text = status + tickWords.join('')
    this.beginTurn()
    if (!this.put(text)) return false
    const total = before + ticks
    this.ticksTotals.set(audience, total)
    this.statusNumbers.set(audience, this.status)
    this.ring.describe(
      Object.assign(this.frames, {
        ...{ audience, length: text.length, messages: ticks, ticks, receivedUs },
        ...{ ticksTotal: total, lastSerial: total, lastOffset: total, statusNumber: this.status },
      }),
    )
    return true
  }

  /** Tells the audience the present status, if it does not know it. @returns false when the ring is full */
  private tellStatus(audience: number): boolean {
    const isKnown = audience === 0 || this.statusNumber(audience) === this.status
    return isKnown || this.record(audience, 0)
  }

  private openStatus(audience: number): void {
    this.statusNumbers.set(audience, this.statusNumber(audience))
  }

  /** Describes that the audience's conflation group `group` begins: a record without frames. */
  mark(audience: number, group: number): void {
    const ticksTotal = this.ticksTotal(audience)
    this.beginTurn()
    this.ring.describe(
      Object.assign(this.frames, {
        ...{ audience, group, length: 0, messages: 0, ticks: 0, receivedUs: 0 },
        ...{ ticksTotal, lastSerial: ticksTotal, lastOffset: ticksTotal },
      }),
    )
    this.frames.group = NO_GROUP
  }

  /** Obeys its commands: replies to joins, as a lane does at the end of a turn. @returns false when the ring is full */
  obey(): boolean {
    while (this.commands.length > 0) {
      const command = this.commands[0]!
      if (command.op === 'open' || command.op === 'derive') this.open(command.audience)
      else if (command.op === 'close') this.ticksTotals.delete(command.audience)
      else if (command.op === 'join' && !this.replyTo(command)) return false
      this.commands.shift()
    }
    return true
  }

  private open(audience: number): void {
    this.ticksTotals.set(audience, this.ticksTotal(audience))
    this.openStatus(audience)
  }

  /**
   * Replies to one join: `<audience>?<ticks told as missing>;` or, for a new member, `<audience>!<ticks before it>;`. A
   * longer reply goes on with `<audience>+;` for each further part. A replay has one part more, see `beginReplay`.
   *
   * @returns false when the ring is full
   */
  replyTo(join: JoinCommand, parts = 1): boolean {
    if (!this.ticksTotals.has(join.audience)) return true
    const { replay } = join
    if (replay !== null && typeof replay === 'object' && 'after' in replay) return this.beginReplay(join)
    if (!this.beginReply(join, parts === 1)) return false
    for (let part = 2; part <= parts; part++) {
      const isLast = part === parts
      if (!this.describeReply(join, `${join.audience}+;`, isLast ? this.memberOutcome : UNCHANGED, isLast))
        return false
    }
    return true
  }

  /**
   * The first part of a reply.
   *
   * @param outcome where the part leaves the client
   * @returns false when the ring is full
   */
  beginReply(join: JoinCommand, isLast = false, outcome: ReplyOutcome = this.memberOutcome): boolean {
    const { replies, audience, fellBehindAt, leaving } = join
    // As a lane does, which writes the plans of both audiences before it replies.
    if (!this.tellStatus(leaving) || !this.tellStatus(audience)) return false
    const known = this.toldStatus(join)
    const status = known < this.status ? `${audience}#${this.status};` : ''
    const goesOn = fellBehindAt !== null && replies.length === 0
    const behindIn = goesOn ? audience : leaving
    const missed =
      fellBehindAt === null ? '' : `${behindIn}?${this.ticksTotal(behindIn) - fellBehindAt.ticksTotal};`
    const left = this.tellsLeft && leaving !== 0 ? `${leaving}-${this.ticksTotal(leaving)};` : ''
    const text = goesOn ? missed : `${missed}${left}${audience}!${this.ticksTotal(audience)};`
    return this.describeReply(join, text + status, outcome, isLast)
  }

  /**
   * The first part of a replay that a client asks for by a command: `<audience>~0;`. With it the client leaves its
   * audience.
   *
   * @returns false when the ring is full
   */
  private beginReplay(join: JoinCommand): boolean {
    const { audience, fellBehindAt, leaving } = join
    if (!this.tellStatus(leaving) || !this.tellStatus(audience)) return false
    const total = this.ticksTotal(leaving)
    const missed = fellBehindAt === null ? '' : `${leaving}?${total - fellBehindAt.ticksTotal};`
    const left = this.tellsLeft && leaving !== 0 ? `${leaving}-${total};` : ''
    const statusNumber = this.toldStatus(join)
    return this.describeReply(join, `${missed}${left}${audience}~0;`, MORE, true, statusNumber)
  }

  /** Number of the status that the client was told last. */
  private toldStatus({ fellBehindAt, leaving, replay }: JoinCommand): number {
    if (typeof replay === 'object' && replay !== null && 'statusNumber' in replay) return replay.statusNumber
    return fellBehindAt?.statusNumber ?? (leaving === 0 ? 0 : this.status)
  }

  /**
   * Gives a client that resumes a part of what it missed: `<audience>~;`.
   *
   * @param isFollowed whether a snapshot follows
   */
  replay(join: JoinCommand, isFollowed = false): void {
    const total = this.ticksTotal(join.audience)
    const { replay } = join
    const seq = typeof replay === 'object' && replay !== null && 'seq' in replay ? replay.seq + 1 : 1
    Object.assign(this.reply, {
      messages: 1,
      ticks: 1,
      seq: isFollowed ? total : seq,
    })
    this.describeReply(join, `${join.audience}~;`, MORE, !isFollowed)
    Object.assign(this.reply, { messages: 0, ticks: 0 })
  }

  /**
   * Obeys its commands in a prompt turn.
   *
   * @param gathered audiences of which a tick goes before the replies
   * @param isWhole false: the lane ends in the midst of the turn
   */
  obeyPromptly({ gathered = [] as readonly number[], isWhole = true } = {}): void {
    this.beginTurn(PROMPT)
    for (const audience of gathered) this.record(audience)
    this.obey()
    if (isWhole) this.describeTurnEnd()
    this.publish()
  }

  endTurn(): void {
    this.beginTurn()
    this.describeTurnEnd()
    this.ring.countTurn()
    this.publish()
  }

  publish(): void {
    this.ring.publish()
  }

  private get memberOutcome(): typeof LIVE | typeof AWAIT_FLUSH {
    return this.newcomersWait ? AWAIT_FLUSH : LIVE
  }

  private beginTurn(pace: TurnPace = PACED): void {
    if (this.isInTurn) return
    this.isInTurn = true
    this.turnBegin.pace = pace
    this.ring.describe(this.turnBegin)
  }

  private describeTurnEnd(): void {
    this.isInTurn = false
    this.ring.describe(this.turnEnd)
  }

  private describeReply(
    join: JoinCommand,
    text: string,
    outcome: ReplyOutcome,
    isLast: boolean,
    statusNumber = this.statusNumber(join.audience),
  ): boolean {
    this.beginTurn()
    if (!this.put(text)) return false
    const total = this.ticksTotal(join.audience)
    this.ring.describe(
      Object.assign(this.reply, {
        ...{ client: join.client, request: join.request, length: text.length, outcome, isLast },
        ...{ ticksTotal: total, serial: total, offset: total, statusNumber },
      }),
    )
    return true
  }

  private put(text: string): boolean {
    const start = this.ring.reserve(text.length)
    if (start === undefined) return false
    this.ring.bytes.set(Buffer.from(text), start)
    return true
  }
}
