/**
 * Which client is in which audience, and which audience on which lane. Main thread.
 * An audience lives as long as it has clients. Lanes learn of changes by commands in the tick log.
 */
import { type AudienceSpec, audienceKey } from '../protocol/audience-spec.js'
import type { LaneCommand } from '../protocol/lane-commands.js'
import { Audience } from './audience.js'
import type { LaneLink } from './lane-link.js'
import type { Recipient } from './recipient.js'

export interface MembershipOptions {
  readonly links: readonly LaneLink[]
  /** Chooses the lane of a new audience. */
  readonly place: (links: readonly LaneLink[]) => LaneLink
  readonly send: (lane: number, command: LaneCommand) => void
}

export class Membership {
  private readonly options: MembershipOptions
  private readonly audiences = new Map<string, Audience>()
  private nextId = 1

  constructor(options: MembershipOptions) {
    this.options = options
  }

  get audienceCount(): number {
    return this.audiences.size
  }

  /** Puts a recipient that is in no audience into the one for `spec`. */
  join(recipient: Recipient, spec: AudienceSpec): void {
    const key = audienceKey(spec)
    const audience = this.audiences.get(key) ?? this.open(key, spec)
    audience.clientCount++
    recipient.audience = audience
    this.request(recipient, audience)
  }

  /** Lets a recipient that fell out of the window go on in its audience. */
  rejoin(recipient: Recipient): void {
    if (recipient.audience !== undefined) this.request(recipient, recipient.audience)
  }

  /** Takes a recipient out of its audience. Safe to call twice. */
  leave(recipient: Recipient): void {
    const { audience } = recipient
    if (audience === undefined) return
    recipient.audience = undefined
    audience.clientCount--
    if (audience.clientCount > 0) return
    this.audiences.delete(audience.key)
    this.options.links[audience.lane]!.audiences.delete(audience.id)
    this.options.send(audience.lane, { op: 'close', audience: audience.id })
  }

  private open(key: string, spec: AudienceSpec): Audience {
    const link = this.options.place(this.options.links)
    const audience = new Audience(this.nextId++, link.index, key, spec)
    this.audiences.set(key, audience)
    link.audiences.set(audience.id, audience)
    this.options.send(link.index, { op: 'open', audience: audience.id, spec })
    return audience
  }

  private request(recipient: Recipient, audience: Audience): void {
    recipient.join++
    this.options.send(audience.lane, {
      op: 'join',
      audience: audience.id,
      client: recipient.id,
      name: recipient.name,
      join: recipient.join,
      fellBehindAt: recipient.progress ?? null,
    })
  }
}
