/**
 * Flushes an audience before a client joins it, and gathers the conflated ticks of the audience that the client leaves.
 * One lane's own. Why a join flushes: docs/decisions/0016-a-join-sends-what-waits-once-per-interval.md.
 */
import type { JoinCommand } from '../../src/lane-protocol/lane-commands.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import { MESSAGE_OVERHEAD_BYTES_MAX } from '../../src/protocol/envelope-format.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { clientStream, type FrameComposer } from '../compose/frame-composer.js'
import type { FramePublisher } from '../compose/frame-publisher.js'
import type { GroupFlush } from '../compose/group-flush.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import type { ConflationGroup } from '../conflate/conflation-group.js'
import type { ConflationSchedule } from '../conflate/conflation-schedule.js'
import type { LatestChunks } from '../conflate/latest-chunks.js'
import { type ClientFrames, concatFrames, NO_FRAMES } from './client-frames.js'

export interface JoinFlushDeps {
  readonly directory: AudienceDirectory
  readonly schedule: ConflationSchedule
  readonly chunks: LatestChunks
  readonly composer: FrameComposer
  readonly publisher: FramePublisher
  readonly groupFlush: GroupFlush
  /** Names the client that the lane works for now, in shared memory; 0: for none. */
  readonly setCurrentClient: (client: number) => void
}

export class JoinFlush {
  private readonly deps: JoinFlushDeps

  constructor(deps: JoinFlushDeps) {
    this.deps = deps
  }

  /**
   * Brings an audience up to `place`, so that a client can join it. Ticks that wait for an interval are older than the
   * client: they are flushed early if this interval had no early flush. Otherwise the client waits, unless it would
   * miss other ticks by that.
   */
  prepare(join: JoinCommand, audience: LaneAudience, place: StreamPlace): void {
    const { directory, groupFlush, schedule } = this.deps
    const groups = directory.groupsOf(audience)
    const mayWait = audience.isConflated && join.replay === null
    for (const group of groups) {
      if (!group.isOpen || !group.hasDirtyTicks()) continue
      if (mayWait) schedule.flushEarly(group)
      else schedule.flushNow(group)
    }
    if (groups.length > 0) this.flush(join, place)
    this.advance(audience, place)
    for (const group of groups) if (!group.isOpen) groupFlush.begin(group, place.serial)
  }

  /**
   * The audience is up to date at `place`: one without ticks needs no record for that. A successor may be behind the
   * place that was published.
   */
  advance(audience: LaneAudience, place: StreamPlace): void {
    audience.sentUpTo(place)
  }

  /** Whether ticks of the audience still wait for an interval. */
  hasDirtyTicks(audience: LaneAudience): boolean {
    return this.deps.directory.groupsOf(audience).some(group => group.hasDirtyTicks())
  }

  /** Flushes all groups of an audience that have dirty ticks, for all members. */
  flushAll(join: JoinCommand, audience: LaneAudience, place: StreamPlace): void {
    const { directory, schedule } = this.deps
    for (const group of directory.groupsOf(audience))
      if (group.isOpen && group.hasDirtyTicks()) schedule.flushNow(group)
    this.flush(join, place)
  }

  /**
   * The dirty ticks of an audience for one member that leaves it. The other members get them when their intervals end.
   *
   * @returns undefined when they take more than `bytesMax`
   */
  dirtyFrames(audience: LaneAudience, place: StreamPlace, bytesMax: number): ClientFrames | undefined {
    let whole = NO_FRAMES
    const stream = clientStream(audience, audience.seq)
    for (const group of this.deps.directory.groupsOf(audience)) {
      const frames = this.groupFrames(group, stream, place, bytesMax - whole.frames.length)
      if (frames === undefined) return undefined
      whole = concatFrames(whole, frames)
    }
    return whole
  }

  private groupFrames(
    group: ConflationGroup,
    stream: ReturnType<typeof clientStream>,
    place: StreamPlace,
    bytesMax: number,
  ): ClientFrames | undefined {
    const { chunks, composer, publisher } = this.deps
    const { audience } = group
    const ticks = group.dirtyTicks()
    if (ticks.length === 0) return NO_FRAMES
    const toldOffset = audience.toldOffset(place)
    const merged = Math.max(0, group.countTicks() - group.ticksTotal - ticks.length)
    const { isLast, plan } = chunks.firstOf(audience, ticks)
    const lengthMax = plan.planBytes + MESSAGE_OVERHEAD_BYTES_MAX
    if (!isLast || lengthMax > bytesMax) return undefined
    const seqBefore = stream.seq
    const frames = publisher.copyOf(lengthMax, start =>
      composer.composeLatest(stream, plan, start, toldOffset, merged),
    )
    return { frames, ticks: ticks.length, messages: stream.seq - seqBefore }
  }

  /**
   * Flushes the groups that are due. The frames are not the client's, so it is no suspect should they kill the lane.
   */
  private flush({ client }: JoinCommand, place: StreamPlace): void {
    const { groupFlush, setCurrentClient } = this.deps
    setCurrentClient(0)
    groupFlush.flushAll(place)
    setCurrentClient(client)
  }
}
