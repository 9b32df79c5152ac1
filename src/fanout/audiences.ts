/**
 * The audiences of all lanes, by what their members get. Main thread. An audience lives as long as it has clients.
 */
import { type AudienceSpec, audienceKey } from '../lane-protocol/audience-spec.js'
import type { LaneCommand } from '../lane-protocol/lane-commands.js'
import { Audience } from './audience.js'
import type { LaneStream } from './lane-stream.js'

export class Audiences {
  private readonly streams: readonly LaneStream[]
  private readonly send: (lane: number, command: LaneCommand) => void
  /** Those of each lane, by key. */
  private readonly byKey: readonly Map<string, Audience>[]
  private nextId = 1

  constructor(streams: readonly LaneStream[], send: (lane: number, command: LaneCommand) => void) {
    this.streams = streams
    this.send = send
    this.byKey = streams.map(() => new Map<string, Audience>())
  }

  get count(): number {
    return this.byKey.reduce((sum, { size }) => sum + size, 0)
  }

  /** Whether the lane has the audience for `spec`. */
  has(spec: AudienceSpec, lane: number): boolean {
    return this.byKey[lane]!.has(audienceKey(spec))
  }

  /** The audience for `spec` on a lane, with one client more. */
  hold(spec: AudienceSpec, lane: number): Audience {
    const key = audienceKey(spec)
    const audience = this.byKey[lane]!.get(key) ?? this.open(key, spec, lane)
    audience.clientCount++
    return audience
  }

  /** The audience has one client less. */
  drop(audience: Audience): void {
    audience.clientCount--
    if (audience.clientCount > 0) return
    const { id, key, lane } = audience
    this.byKey[lane]!.delete(key)
    this.streams[lane]!.audiences.delete(id)
    this.send(lane, { op: 'close', audience: id })
  }

  private open(key: string, spec: AudienceSpec, lane: number): Audience {
    const audience = new Audience(this.nextId++, lane, key, spec)
    this.byKey[lane]!.set(key, audience)
    this.streams[lane]!.audiences.set(audience.id, audience)
    this.send(lane, { op: 'open', audience: audience.id, spec })
    return audience
  }
}
