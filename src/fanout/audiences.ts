/**
 * The audiences of all lanes, by what their members get. Main thread. An audience lives as long as it has clients.
 */
import type { AudienceSpec, EntryChange, StreamForm } from '../lane-protocol/audience-spec.js'
import type { LaneCommand } from '../lane-protocol/lane-commands.js'
import { Audience } from './audience.js'
import type { AudienceEntries } from './audience-entries.js'
import type { LaneStream } from './lane-stream.js'
import type { Recipient } from './recipient.js'

export class Audiences {
  private readonly streams: readonly LaneStream[]
  private readonly send: (lane: number, command: LaneCommand) => void
  /**
   * The audiences of each lane, by the key of entries and form. Two different audiences may have one key by chance:
   * then one of them is not found.
   */
  private readonly byKey: readonly Map<string, Audience>[]
  private openCount = 0
  private nextId = 1

  constructor(streams: readonly LaneStream[], send: (lane: number, command: LaneCommand) => void) {
    this.streams = streams
    this.send = send
    this.byKey = streams.map(() => new Map<string, Audience>())
  }

  get count(): number {
    return this.openCount
  }

  /** Whether the lane has the audience of these entries in this form. */
  has(entries: AudienceEntries, form: StreamForm, lane: number): boolean {
    return this.find(entries, form, lane) !== undefined
  }

  /** The audience for `spec` on a lane, with `client` more. @param entries of `spec` */
  hold(spec: AudienceSpec, entries: AudienceEntries, lane: number, client: Recipient): Audience {
    return this.holdAgain(this.find(entries, spec, lane) ?? this.open(spec, entries, lane, client))
  }

  /** The audience with the entries of another one and a change, on the same lane, with `client` more. */
  holdChanged(base: Audience, change: EntryChange, client: Recipient): Audience {
    const entries = base.entries.changedBy(change)
    return this.holdAgain(
      this.find(entries, base.form, base.lane) ?? this.derive(base, entries, change, client),
    )
  }

  /** The audience has one client more. */
  holdAgain(audience: Audience): Audience {
    audience.clientCount++
    return audience
  }

  /** The audience has one client less. */
  drop(audience: Audience): void {
    audience.clientCount--
    if (audience.clientCount > 0) return
    const { id, lane } = audience
    const key = keyOf(audience.entries, audience.form)
    if (this.byKey[lane]!.get(key) === audience) this.byKey[lane]!.delete(key)
    this.streams[lane]!.audiences.delete(id)
    this.openCount--
    audience.close()
    this.send(lane, { op: 'close', audience: id })
  }

  private find(entries: AudienceEntries, form: StreamForm, lane: number): Audience | undefined {
    const audience = this.byKey[lane]!.get(keyOf(entries, form))
    return audience?.entries.isEqual(entries) ? audience : undefined
  }

  private open(spec: AudienceSpec, entries: AudienceEntries, lane: number, client: Recipient): Audience {
    const { batch, encoding, heartbeatMs, stamps, windowBits } = spec
    const audience = this.add(entries, { batch, encoding, heartbeatMs, stamps, windowBits }, lane, client)
    this.send(lane, { op: 'open', audience: audience.id, client: client.id, spec })
    return audience
  }

  /** The lane knows the entries of `base`: it is sent the change alone. */
  private derive(
    base: Audience,
    entries: AudienceEntries,
    { added, removed }: EntryChange,
    client: Recipient,
  ): Audience {
    const audience = this.add(entries, base.form, base.lane, client)
    const ids = { audience: audience.id, client: client.id, base: base.id }
    this.send(base.lane, { op: 'derive', ...ids, added, removed })
    return audience
  }

  private add(entries: AudienceEntries, form: StreamForm, lane: number, client: Recipient): Audience {
    const audience = new Audience(this.nextId++, lane, entries, form, client.symbolBudget)
    this.byKey[lane]!.set(keyOf(entries, form), audience)
    this.streams[lane]!.audiences.set(audience.id, audience)
    this.openCount++
    return audience
  }
}

function keyOf({ hash }: AudienceEntries, form: StreamForm): string {
  const { batch, encoding, heartbeatMs, stamps, windowBits } = form
  return `${hash} ${encoding} ${batch} ${stamps} ${windowBits} ${heartbeatMs}`
}
