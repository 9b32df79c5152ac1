/**
 * Writes the latest ticks of conflation groups into the frame ring, for all members of their audiences. One lane's own.
 */
import type { Clock } from '../../src/common/clock.js'
import { AudienceDescriptor } from '../../src/memory/audience-descriptor.js'
import type { CounterWriter } from '../../src/memory/counters.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import { LANE_SLOTS } from '../../src/metrics/metric-table.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { ConflationGroup } from '../conflate/conflation-group.js'
import type { ConflationSchedule } from '../conflate/conflation-schedule.js'
import type { LatestChunks } from '../conflate/latest-chunks.js'
import type { FrameComposer } from './frame-composer.js'
import type { FramePublisher } from './frame-publisher.js'

export interface GroupFlushDeps {
  readonly schedule: ConflationSchedule
  readonly chunks: LatestChunks
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  readonly counters: CounterWriter
  readonly clock: Pick<Clock, 'nowMs'>
}

export class GroupFlush {
  private readonly deps: GroupFlushDeps
  private readonly descriptor = new AudienceDescriptor()

  constructor(deps: GroupFlushDeps) {
    this.deps = deps
  }

  /** A client joins for the first time: from here on the group's ticks are counted and sent. */
  begin(group: ConflationGroup, serial: number): void {
    const { clock, publisher, schedule } = this.deps
    group.begin(serial)
    publisher.describeMark(this.describe(group, 0, 0))
    schedule.start(group, clock.nowMs())
  }

  /** Writes the groups that the schedule flushes now. @param place behind the last tick taken */
  flushAll(place: StreamPlace): void {
    const { clock, schedule } = this.deps
    const { flushing } = schedule
    if (flushing.length === 0) return
    for (let index = 0; index < flushing.length; index++) this.flush(flushing[index]!, place)
    schedule.flushed(clock.nowMs())
  }

  private flush(group: ConflationGroup, place: StreamPlace): void {
    const { chunks, clock, composer, counters, publisher } = this.deps
    const { audience } = group
    const ticks = group.dirtyTicks()
    if (ticks.length === 0) return
    if (audience.spec.heartbeatMs > 0) audience.lastFramesMs = clock.nowMs()
    const ticksTotal = group.countTicks()
    const toldOffset = audience.toldOffset(place)
    for (const { isLast, lastSerial, plan } of chunks.of(audience, ticks)) {
      const count = plan.tickCount
      // A successor does not know the symbols that the lane before gave up, so it may count fewer ticks than were sent.
      const merged = isLast ? Math.max(0, ticksTotal - group.ticksTotal - count) : 0
      const seqBefore = audience.seq
      const start = publisher.reserve(plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX)
      const end = composer.composeLatest(audience, plan, start, toldOffset, merged)
      // Should this lane die before the last chunk, its successor sends the rest: all ticks with higher serials.
      group.flushedSerial = isLast ? place.serial : lastSerial
      group.ticksTotal = isLast ? ticksTotal : group.ticksTotal + count
      publisher.describeFrames(this.describe(group, audience.seq - seqBefore, count), start, end)
      counters.values[LANE_SLOTS.framesBytes]! += end - start
      counters.values[LANE_SLOTS.ticksConflated]! += merged
    }
  }

  private describe(group: ConflationGroup, messages: number, ticks: number): AudienceDescriptor {
    const { descriptor } = this
    const { audience, flushedSerial, index, ticksTotal } = group
    descriptor.audience = audience.id
    descriptor.messages = messages
    descriptor.ticks = ticks
    descriptor.group = index
    descriptor.unknownLosses = audience.unknownLosses
    descriptor.statusNumber = audience.statusNumber
    descriptor.ticksTotal = ticksTotal
    descriptor.lastSerial = flushedSerial
    descriptor.lostTotal = audience.lostTotal
    return descriptor
  }
}
