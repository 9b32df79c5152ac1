/**
 * Opens and closes the audiences of the lane, in every part that knows them. One lane's own.
 */
import type { Clock } from '../src/common/clock.js'
import { invariant } from '../src/common/errors.js'
import type { DeriveCommand, OpenCommand } from '../src/lane-protocol/lane-commands.js'
import type { AudienceState } from '../src/lane-protocol/lane-task.js'
import type { StreamPlace } from '../src/memory/stream-place.js'
import type { LaneAudience } from './collect/lane-audience.js'
import type { TickCollector } from './collect/tick-collector.js'
import type { AudienceHeartbeats } from './compose/audience-heartbeats.js'
import type { AudienceDirectory } from './conflate/audience-directory.js'
import type { ConflationSchedule } from './conflate/conflation-schedule.js'
import type { CurrentStatus } from './read/current-status.js'
import type { OpeningCharges } from './transfer/opening-charges.js'

const NOTHING_SENT = { seq: 0, ticksTotal: 0, lostTotal: 0, unknownLosses: 0, statusNumber: 0 } as const

export interface LaneAudiencesDeps {
  readonly collector: TickCollector
  readonly directory: AudienceDirectory
  readonly schedule: ConflationSchedule
  readonly heartbeats: AudienceHeartbeats
  readonly status: CurrentStatus
  readonly clock: Pick<Clock, 'nowMs'>
  readonly charges: OpeningCharges
}

export class LaneAudiences {
  private readonly deps: LaneAudiencesDeps

  constructor(deps: LaneAudiencesDeps) {
    this.deps = deps
  }

  has(id: number): boolean {
    return this.deps.directory.get(id) !== undefined
  }

  /** Opens an audience that an earlier lane has served. */
  restore(state: AudienceState): void {
    const { directory, status } = this.deps
    // What an earlier lane committed, it has told all audiences; one that opened since begins here.
    const statusNumber = Math.max(state.statusNumber, status.number)
    const audience = directory.begin({ ...state, statusNumber })
    for (const _ of directory.attachAll(audience));
    this.begin(audience)
  }

  private begin(audience: LaneAudience): void {
    const { clock, collector, directory, heartbeats, schedule } = this.deps
    collector.open(audience)
    const nowMs = clock.nowMs()
    heartbeats.open(audience, nowMs)
    for (const group of directory.groupsOf(audience)) if (group.isOpen) schedule.start(group, nowMs)
  }

  /**
   * Opens an audience that nothing was sent to. An open audience stays as it is.
   *
   * @param place behind the last tick taken
   * @returns steps, each with the number of symbols that it looked at
   */
  *open({ audience, client, spec }: OpenCommand, place: StreamPlace): Generator<number> {
    // The task of a lane that starts late names audiences whose commands are in the ring, too.
    if (this.has(audience)) return
    const { directory, status } = this.deps
    const start = { ...NOTHING_SENT, audience, spec, ...place, conflated: [] }
    const opened = directory.begin({ ...start, statusNumber: status.number })
    this.begin(opened)
    yield* this.charged(client, opened, directory.attachAll(opened))
  }

  /** As `open`, with the entries of another audience and a change. */
  *derive(
    { audience, base: baseId, client, ...change }: DeriveCommand,
    place: StreamPlace,
  ): Generator<number> {
    if (this.has(audience)) return
    const { directory, status } = this.deps
    const base = directory.get(baseId)
    invariant(
      base !== undefined,
      `audience ${audience} is derived from audience ${baseId}, which is not open`,
    )
    const start = { ...NOTHING_SENT, audience, spec: base.spec, ...place }
    const derived = directory.beginLike({ ...start, statusNumber: status.number }, base, change)
    this.begin(derived)
    yield* this.charged(client, derived, directory.attachLike(base, derived, change))
  }

  /** @returns steps, each with the number of symbols that it looked at */
  *close(id: number): Generator<number> {
    const { collector, directory, heartbeats, schedule } = this.deps
    const audience = directory.get(id)
    if (audience === undefined) return
    for (const group of directory.groupsOf(audience)) schedule.close(group)
    collector.close(audience)
    heartbeats.close(audience)
    yield* directory.close(audience)
  }

  /** Charges a client for the steps by which an audience opens for it. */
  private *charged(client: number, audience: LaneAudience, steps: Generator<number>): Generator<number> {
    const { names, prefixes } = audience.deliveries
    let lookedAt = 0
    for (const symbols of steps) {
      lookedAt += symbols
      yield symbols
    }
    // The main thread charges for entries. What is left are the symbols that prefixes match.
    this.deps.charges.add(client, lookedAt - 2 * (names.size + prefixes.size))
  }
}
