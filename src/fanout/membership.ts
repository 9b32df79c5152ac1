/**
 * Which client is in which audience, and which audience on which lane. Main thread.
 * An audience lives as long as it has clients. A client stays on the lane of its first audience, so that a change from one
 * audience to another has one place in one lane's stream: nothing is missing and nothing doubled at the seam.
 */

import type { Clock } from '../common/clock.js'
import { invariant } from '../common/errors.js'
import { type AudienceSpec, audienceKey } from '../lane-protocol/audience-spec.js'
import {
  type CommandAnswer,
  type LaneCommand,
  RESUME_GONE,
  type ReplayPosition,
} from '../lane-protocol/lane-commands.js'
import type { Histogram } from '../metrics/histogram.js'
import { Audience } from './audience.js'
import type { LaneLink } from './lane-link.js'
import type { AudienceRequest, Recipient } from './recipient.js'
import { ReplayQueue } from './replay-queue.js'

export interface MembershipOptions {
  readonly links: readonly LaneLink[]
  /** Chooses the lane of a client. */
  readonly place: (links: readonly LaneLink[], hasAudience: (link: LaneLink) => boolean) => LaneLink
  readonly send: (lane: number, command: LaneCommand) => void
  readonly clock: Pick<Clock, 'epochUs'>
  /** From a command's arrival to its answer. */
  readonly answerLatency: Histogram
}

export class Membership {
  private readonly options: MembershipOptions
  private readonly replays: ReplayQueue
  /** Those of each lane, by key. */
  private readonly audiences: readonly Map<string, Audience>[]
  private nextId = 1

  constructor(options: MembershipOptions) {
    this.options = options
    this.replays = new ReplayQueue(options.links.length, recipient => this.sendJoin(recipient))
    this.audiences = options.links.map(() => new Map<string, Audience>())
  }

  get audienceCount(): number {
    return this.audiences.reduce((sum, { size }) => sum + size, 0)
  }

  /** Puts a recipient that is in no audience into the one for `spec`. */
  join(recipient: Recipient, spec: AudienceSpec, answer: CommandAnswer, answerBytes: number): void {
    const key = audienceKey(spec)
    const { links, place } = this.options
    const { index } = place(links, link => this.audiences[link.index]!.has(key))
    this.want(recipient, spec, answer, answerBytes, index)
  }

  /** Lets a recipient go over to the audience for `spec`. What is wanted while it waits for an answer is done together, after. */
  move(recipient: Recipient, spec: AudienceSpec, answer: CommandAnswer, answerBytes: number): void {
    const { audience } = recipient.wanted ?? recipient.asked ?? recipient
    if (audience !== undefined) this.want(recipient, spec, answer, answerBytes, audience.lane)
  }

  /** What the answers that the recipient waits for take at the most. */
  waitingBytes({ asked, wanted }: Recipient): number {
    return (asked?.answerBytes ?? 0) + (wanted?.answerBytes ?? 0)
  }

  /**
   * Asks the lane for what the recipient wants, unless it has asked already or has not got all of its audience's frames. One
   * that is blocked asks when its socket has taken all: the answer, maybe a snapshot of all symbols, would only pin the ring.
   */
  goOn(recipient: Recipient): void {
    const { asked, wanted } = recipient
    if (recipient.isBlocked) return
    if (asked !== undefined && isReplaying(recipient)) this.replays.enter(recipient, asked.audience.lane)
    if (wanted === undefined || asked !== undefined || recipient.isBehind) return
    recipient.wanted = undefined
    this.ask(recipient, wanted)
  }

  /** The lane has answered too early: the recipient is to take what it was given, and the rest of its audience's frames, first. */
  defer(recipient: Recipient): void {
    const { asked, wanted } = recipient
    if (asked === undefined) return
    recipient.asked = undefined
    asked.wasDeferred = true
    // The answer on its way is for nobody.
    recipient.join++
    if (wanted === undefined) recipient.wanted = asked
    else {
      wanted.answers.unshift(...asked.answers)
      wanted.answerBytes += asked.answerBytes
      wanted.sinceUs = asked.sinceUs
      wanted.wasDeferred = true
      this.drop(asked.audience)
    }
  }

  /** The recipient has fallen out of the window: it goes on in the audience that it is in. */
  lapped(recipient: Recipient): void {
    const { audience } = recipient
    if (audience === undefined) return
    this.defer(recipient)
    audience.clientCount++
    this.ask(recipient, { audience, answers: [], answerBytes: 0, sinceUs: 0, wasDeferred: false })
  }

  /** The recipient was given a part of what it missed while it was away; it is to have the next when it has taken this one. */
  replayed(recipient: Recipient, position: ReplayPosition): void {
    const { asked } = recipient
    if (asked === undefined) return
    // A successor of the lane may repeat the part: that one is for nobody.
    recipient.join++
    recipient.replay = position
    asked.answers.length = 0
    this.replays.leave(recipient, asked.audience.lane)
    if (!recipient.isBlocked) this.goOn(recipient)
  }

  /**
   * The recipient has the lane's answer.
   *
   * @param isWhole false: but for the end of a snapshot
   * @returns the audience whose frames it gets from now on
   */
  joined(recipient: Recipient, isWhole: boolean): Audience | undefined {
    const { asked, audience } = recipient
    if (asked === undefined) return undefined
    this.replays.leave(recipient, asked.audience.lane)
    // A replay takes as long as it is long.
    if (asked.sinceUs > 0 && recipient.replay === undefined)
      this.options.answerLatency.observe(this.options.clock.epochUs() - asked.sinceUs, 1)
    recipient.asked = undefined
    recipient.replay = undefined
    recipient.audience = asked.audience
    if (audience !== undefined) this.drop(audience)
    if (isWhole) this.goOn(recipient)
    else this.wantSnapshot(recipient, asked.audience)
    return asked.audience
  }

  /** The lane has lost its commands: sends those requests again that it was sent and has not answered. */
  sendAgain(lane: number, recipients: Iterable<Recipient>): void {
    for (const recipient of recipients) {
      if (recipient.asked?.audience.lane !== lane) continue
      if (!isReplaying(recipient) || this.replays.isActive(recipient, lane)) this.sendJoin(recipient)
    }
  }

  /** Takes a recipient out of all audiences. Safe to call twice. */
  leave(recipient: Recipient): void {
    const { audience, asked, wanted } = recipient
    if (asked !== undefined) this.replays.leave(recipient, asked.audience.lane)
    recipient.audience = undefined
    recipient.asked = undefined
    recipient.wanted = undefined
    for (const held of [audience, asked?.audience, wanted?.audience]) if (held !== undefined) this.drop(held)
  }

  /** Lets a recipient be given the latest ticks of all that it gets. */
  private wantSnapshot(recipient: Recipient, { spec, lane }: Audience): void {
    const wanted = recipient.wanted?.audience.spec ?? spec
    this.want(recipient, wanted, { type: 'snapshot' }, 0, lane)
  }

  private want(
    recipient: Recipient,
    spec: AudienceSpec,
    answer: CommandAnswer,
    answerBytes: number,
    lane: number,
  ): void {
    const audience = this.hold(spec, lane)
    const before = recipient.wanted
    recipient.wanted = {
      audience,
      answers: [...(before?.answers ?? []), answer],
      answerBytes: answerBytes + (before?.answerBytes ?? 0),
      // Nobody has asked for the rest of a snapshot.
      sinceUs: before?.sinceUs || (answer.type === 'snapshot' ? 0 : this.options.clock.epochUs()),
      wasDeferred: before?.wasDeferred ?? false,
    }
    if (before !== undefined) this.drop(before.audience)
    this.goOn(recipient)
  }

  private ask(recipient: Recipient, request: AudienceRequest): void {
    recipient.asked = request
    if (isReplaying(recipient)) this.replays.enter(recipient, request.audience.lane)
    else this.sendJoin(recipient)
  }

  private sendJoin(recipient: Recipient): void {
    const { asked } = recipient
    invariant(asked !== undefined, `recipient ${recipient.id} asks for nothing`)
    const { audience, answers } = asked
    recipient.join++
    this.options.send(audience.lane, {
      op: 'join',
      audience: audience.id,
      leaving: recipient.audience?.id ?? 0,
      client: recipient.id,
      name: recipient.name,
      join: recipient.join,
      fellBehindAt: recipient.progress ?? null,
      replay: recipient.replay ?? null,
      answers,
    })
  }

  /** The audience for `spec` on a lane, with one client more. */
  private hold(spec: AudienceSpec, lane: number): Audience {
    const key = audienceKey(spec)
    const audience = this.audiences[lane]!.get(key) ?? this.open(key, spec, lane)
    audience.clientCount++
    return audience
  }

  /** One client less. */
  private drop(audience: Audience): void {
    audience.clientCount--
    if (audience.clientCount > 0) return
    this.audiences[audience.lane]!.delete(audience.key)
    this.options.links[audience.lane]!.audiences.delete(audience.id)
    this.options.send(audience.lane, { op: 'close', audience: audience.id })
  }

  private open(key: string, spec: AudienceSpec, lane: number): Audience {
    const audience = new Audience(this.nextId++, lane, key, spec)
    this.audiences[lane]!.set(key, audience)
    this.options.links[lane]!.audiences.set(audience.id, audience)
    this.options.send(lane, { op: 'open', audience: audience.id, spec })
    return audience
  }
}

/** Whether it is being given what it missed while it was away. */
function isReplaying({ replay }: Recipient): boolean {
  return replay !== undefined && replay !== RESUME_GONE
}
