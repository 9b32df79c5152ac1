/**
 * Gives records to the members of their audiences, one write for each. Main thread, and its hot loop: nothing is
 * allocated per member.
 */
import type { Clock } from '../common/clock.js'
import type { Histogram } from '../metrics/histogram.js'
import type { CatchUp } from './catch-up.js'
import type { DescriptorReader } from './descriptor-reader.js'
import { CLOSED, countWrites, HELD, type WriteCounts, writeFrames } from './frame-writes.js'
import { liveEnds } from './given-ticks.js'
import type { LaneStream } from './lane-stream.js'
import type { RecordPass } from './record-pass.js'
import type { RunBudget } from './run-budget.js'
import type { TurnPacing } from './turn-pacing.js'

export interface RecordSenderDeps extends WriteCounts {
  readonly clock: Pick<Clock, 'epochUs'>
  readonly latency: Histogram
  readonly pacing: TurnPacing
  readonly catchUp: CatchUp
  readonly reader: DescriptorReader
  readonly budget: RunBudget
}

export class RecordSender {
  private readonly deps: RecordSenderDeps

  constructor(deps: RecordSenderDeps) {
    this.deps = deps
  }

  /**
   * Gives the record to the members that are left.
   *
   * @returns false when the time is up, whether or not the pass has ended
   */
  send(stream: LaneStream, pass: RecordPass): boolean {
    const { budget, catchUp, reader } = this.deps
    if (!pass.hasBegun) pass.begin()
    const { audience, memberCount, record } = pass
    const { members } = audience
    const { retained } = stream
    const start = retained.start(record)
    const length = retained.length(record)
    let hasTime = true
    let position = audience.firstMember + pass.membersDone
    while (pass.membersDone < memberCount && hasTime) {
      const member = members[position < memberCount ? position : position - memberCount]!
      const { cursor } = member
      pass.membersDone++
      position++
      if (!cursor.isDue(audience, record)) continue
      if (member.blockedSinceMs !== 0) {
        liveEnds(member, retained)
        cursor.fallBehind(record, audience.progress)
        continue
      }
      const outcome = writeFrames(member, stream, start, length)
      if (outcome === CLOSED) continue
      cursor.given(record)
      if (outcome === HELD) catchUp.block(member, retained.pins, retained.segment(record))
      pass.written++
      if (budget.countWrite()) {
        this.count(stream, pass)
        hasTime = !budget.isSpent
        // A prompt reply that came meanwhile does not wait for the rest of the pass.
        if (hasTime) reader.readAll()
      }
    }
    this.count(stream, pass)
    return hasTime
  }

  private count(stream: LaneStream, pass: RecordPass): void {
    const { record, written } = pass
    if (written === 0) return
    pass.written = 0
    const { clock, latency, pacing } = this.deps
    const { retained } = stream
    const ticks = retained.tickCount(record)
    const length = retained.length(record)
    countWrites(
      this.deps,
      written,
      written * ticks,
      written * retained.messageCount(record),
      written * length,
    )
    pacing.wrote(stream, written, ticks, length)
    const receivedUs = retained.received(record)
    if (receivedUs > 0) latency.observe(clock.epochUs() - receivedUs, written)
  }
}
