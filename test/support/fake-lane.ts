/**
 * A lane without a thread: writes its frame ring by hand. A record is readable text, `<audience>:<tick>;` for each tick,
 * numbered from 1 for each audience, so that what a client got can be checked without a decoder.
 */
import type { LaneLink } from '../../src/fanout/lane-link.js'
import type { JoinCommand, LaneCommand } from '../../src/lane-protocol/lane-commands.js'
import {
  AUDIENCE_FRAMES,
  CLIENT_FRAMES,
  FrameDescriptor,
  JOINED,
  PROMPT_TURN,
  REPLAYED,
  REPLY_BEGUN,
  TURN_END,
} from '../../src/memory/frame-descriptor.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'

export class FakeLane {
  /** What the lane was told and has not obeyed. */
  readonly commands: LaneCommand[] = []
  readonly ticksTotals: Map<number, number>
  readonly ring: FrameRingWriter
  /** Whether those that it answers are to wait and ask anew. */
  newcomersWait = false
  /** Whether an answer says first, as `<audience>-<ticks>;`, how many ticks of the audience that the client leaves are before it. */
  tellsLeft = false
  private readonly descriptor = new FrameDescriptor()

  /** @param before whose place it takes */
  constructor(link: LaneLink, before?: FakeLane) {
    this.ring = new FrameRingWriter(link.memory, link.layout)
    // A successor is told of the open audiences in its task, and is sent the requests in flight again.
    this.ticksTotals = new Map(before?.ticksTotals)
    for (const audience of link.audiences.keys()) this.ticksTotals.set(audience, this.ticksTotal(audience))
    this.tellsLeft = before?.tellsLeft ?? false
  }

  ticksTotal(audience: number): number {
    return this.ticksTotals.get(audience) ?? 0
  }

  /** Describes frames of the audience's next ticks. @returns false when the ring is full */
  record(audience: number, ticks = 1, receivedUs = 0): boolean {
    const before = this.ticksTotal(audience)
    const text = Array.from({ length: ticks }, (_, tick) => `${audience}:${before + tick + 1};`).join('')
    if (!this.put(text)) return false
    this.ticksTotals.set(audience, before + ticks)
    this.descriptor.ticks = ticks
    this.describe(AUDIENCE_FRAMES, audience, text.length, before + ticks, ticks, 0, receivedUs)
    return true
  }

  /** Obeys what it was told: answers joins, as a lane does at the end of a turn. @returns false when the ring is full */
  obey(): boolean {
    while (this.commands.length > 0) {
      const command = this.commands[0]!
      if (command.op === 'open') this.ticksTotals.set(command.audience, this.ticksTotal(command.audience))
      else if (command.op === 'close') this.ticksTotals.delete(command.audience)
      else if (command.op === 'join' && !this.answer(command)) return false
      this.commands.shift()
    }
    return true
  }

  /**
   * Answers one join: `<audience>?<ticks told as missing>;` or, for the first, `<audience>!<ticks before it>;`. A longer answer goes on
   * with `<audience>+;` for each further part.
   */
  answer(asked: JoinCommand, parts = 1): boolean {
    const { audience, client, join } = asked
    if (!this.ticksTotals.has(audience)) return true
    const total = this.ticksTotal(audience)
    if (!this.beginAnswer(asked, parts > 1 ? REPLY_BEGUN : CLIENT_FRAMES)) return false
    for (let part = 1; part < parts; part++) {
      const more = `${audience}+;`
      if (!this.put(more)) return false
      this.describe(CLIENT_FRAMES, client, more.length, total, 0, join)
    }
    this.descriptor.part = this.newcomersWait ? 1 : 0
    this.describe(JOINED, client, 0, total, 0, join)
    this.descriptor.part = 0
    return true
  }

  /** The first part of an answer. */
  beginAnswer({ audience, client, join, fellBehindAt, leaving }: JoinCommand, kind = REPLY_BEGUN): boolean {
    const total = this.ticksTotal(audience)
    const left = this.tellsLeft && leaving !== 0 ? `${leaving}-${this.ticksTotal(leaving)};` : ''
    const text =
      fellBehindAt === null
        ? `${left}${audience}!${total};`
        : `${audience}?${total - fellBehindAt.ticksTotal};`
    if (!this.put(text)) return false
    this.descriptor.ticks = 0
    this.descriptor.part = kind === REPLY_BEGUN && this.newcomersWait ? 1 : 0
    this.describe(kind, client, text.length, total, 0, join)
    this.descriptor.part = 0
    return true
  }

  /** Gives one that resumes a part of what it missed: `<audience>~;`. @param isLast whether a snapshot is to follow */
  replay({ audience, client, join }: JoinCommand, isLast = false): void {
    const text = `${audience}~;`
    this.put(text)
    this.descriptor.ticks = 1
    this.descriptor.part = isLast ? 1 : 0
    this.describe(REPLAYED, client, text.length, this.ticksTotal(audience), 1, join)
    this.descriptor.part = 0
  }

  /**
   * Answers what it was told, between two turns.
   *
   * @param gathered audiences of which a tick goes before the answers
   * @param isWhole false: it ends in the midst of that
   */
  obeyAside({ gathered = [] as readonly number[], isWhole = true } = {}): void {
    this.descriptor.part = 1
    this.describe(PROMPT_TURN, 0, 0, 0, 0, 0)
    this.descriptor.part = 0
    for (const audience of gathered) this.record(audience)
    this.obey()
    if (isWhole) this.describe(PROMPT_TURN, 0, 0, 0, 0, 0)
    this.publish()
  }

  endTurn(): void {
    this.describe(TURN_END, 0, 0, 0, 0, 0)
    this.ring.turnPublished()
    this.publish()
  }

  publish(): void {
    this.ring.publish()
  }

  private put(text: string): boolean {
    const start = this.ring.reserve(text.length)
    if (start === undefined) return false
    this.ring.bytes.set(Buffer.from(text), start)
    return true
  }

  private describe(
    kind: number,
    target: number,
    length: number,
    total: number,
    messages: number,
    join: number,
    receivedUs = 0,
  ): void {
    Object.assign(this.descriptor, { kind, target, length, messages, join, receivedUs })
    this.descriptor.ticksTotal = total
    this.descriptor.lastOffset = total
    this.ring.describe(this.descriptor)
  }
}
