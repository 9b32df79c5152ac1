/**
 * Opens and closes the audiences of the lane, in every part that knows them. One lane's own.
 */
import type { Clock } from '../src/common/clock.js'
import { invariant } from '../src/common/errors.js'
import type { DeriveCommand, OpenCommand } from '../src/lane-protocol/lane-commands.js'
import type { AudienceState } from '../src/lane-protocol/lane-task.js'
import type { LaneAudience } from './collect/lane-audience.js'
import type { TickCollector } from './collect/tick-collector.js'
import type { AudienceHeartbeats } from './compose/audience-heartbeats.js'
import type { AudienceDirectory } from './conflate/audience-directory.js'
import type { ConflationSchedule } from './conflate/conflation-schedule.js'
import type { CurrentStatus } from './read/current-status.js'

const NOTHING_SENT = { seq: 0, ticksTotal: 0, lostTotal: 0, unknownLosses: 0, statusNumber: 0 } as const

export interface LaneAudiencesDeps {
  readonly collector: TickCollector
  readonly directory: AudienceDirectory
  readonly schedule: ConflationSchedule
  readonly heartbeats: AudienceHeartbeats
  readonly status: CurrentStatus
  readonly clock: Pick<Clock, 'nowMs'>
}

export class LaneAudiences {
  private readonly deps: LaneAudiencesDeps

  constructor(deps: LaneAudiencesDeps) {
    this.deps = deps
  }

  has(id: number): boolean {
    return this.deps.directory.get(id) !== undefined
  }

  /** Opens an audience that an earlier lane has served. @returns the work: entries and symbols */
  restore(state: AudienceState): number {
    const { directory, status } = this.deps
    // What an earlier lane committed, it has told all audiences; one that opened since begins here.
    const statusNumber = Math.max(state.statusNumber, status.number)
    return this.begin(directory.open({ ...state, statusNumber }))
  }

  private begin(audience: LaneAudience): number {
    const { clock, collector, directory, heartbeats, schedule } = this.deps
    collector.open(audience)
    const nowMs = clock.nowMs()
    heartbeats.open(audience, nowMs)
    for (const group of directory.groupsOf(audience)) if (group.isOpen) schedule.start(group, nowMs)
    return directory.workOf(audience)
  }

  /**
   * Opens an audience that nothing was sent to. An open audience stays as it is.
   *
   * @param offset of the last tick taken
   * @returns the work: entries and symbols
   */
  open({ audience, spec }: OpenCommand, offset: number): number {
    // The task of a lane that starts late names audiences whose commands are in the ring, too.
    if (this.has(audience)) return 0
    return this.restore({ ...NOTHING_SENT, audience, spec, lastOffset: offset, conflated: [] })
  }

  /** As `open`, with the entries of another audience and a change. */
  derive({ audience, base: baseId, ...change }: DeriveCommand, offset: number): number {
    if (this.has(audience)) return 0
    const { directory, status } = this.deps
    const base = directory.get(baseId)
    invariant(
      base !== undefined,
      `audience ${audience} is derived from audience ${baseId}, which is not open`,
    )
    const start = { ...NOTHING_SENT, audience, spec: base.spec, lastOffset: offset }
    return this.begin(directory.derive({ ...start, statusNumber: status.number }, base, change))
  }

  /** @returns the work: entries and symbols */
  close(id: number): number {
    const { collector, directory, heartbeats, schedule } = this.deps
    const audience = directory.get(id)
    if (audience === undefined) return 0
    const work = directory.workOf(audience)
    for (const group of directory.groupsOf(audience)) schedule.close(group)
    collector.close(audience)
    heartbeats.close(audience)
    directory.close(audience)
    return work
  }
}
