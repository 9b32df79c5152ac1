/**
 * Opens and closes the audiences of the lane, in every part that knows them. One lane's own.
 */
import type { Clock } from '../src/common/clock.js'
import type { OpenCommand } from '../src/lane-protocol/lane-commands.js'
import type { AudienceState } from '../src/lane-protocol/lane-task.js'
import type { TickCollector } from './collect/tick-collector.js'
import type { AudienceDirectory } from './conflate/audience-directory.js'
import type { ConflationSchedule } from './conflate/conflation-schedule.js'

export interface LaneAudiencesDeps {
  readonly collector: TickCollector
  readonly directory: AudienceDirectory
  readonly schedule: ConflationSchedule
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

  /** Opens an audience that an earlier lane has served. */
  restore(state: AudienceState): void {
    const { clock, collector, directory, schedule } = this.deps
    const audience = directory.open(state)
    collector.open(audience)
    const nowMs = clock.nowMs()
    for (const group of directory.groupsOf(audience)) if (group.isOpen) schedule.start(group, nowMs)
  }

  /** Opens an audience that nothing was sent to. An open audience stays as it is. @param offset of the last tick taken */
  open({ audience, spec }: OpenCommand, offset: number): void {
    // The task of a lane that starts late names audiences whose commands are in the ring, too.
    if (this.has(audience)) return
    this.restore({
      ...{ audience, spec, seq: 0, ticksTotal: 0, lostTotal: 0, unknownLosses: 0 },
      lastOffset: offset,
      conflated: [],
    })
  }

  close(id: number): void {
    const { collector, directory, schedule } = this.deps
    const audience = directory.get(id)
    if (audience === undefined) return
    for (const group of directory.groupsOf(audience)) schedule.close(group)
    collector.close(audience)
    directory.close(audience)
  }
}
