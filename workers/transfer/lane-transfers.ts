/**
 * Replies to the requests of clients: with each paced turn, or in a prompt turn between two. One lane's own.
 * A turn holds a bounded number of bytes of replies: docs/decisions/0015-replies-per-turn-are-bounded.md.
 */
import type { JoinCommand } from '../../src/lane-protocol/lane-commands.js'
import type { StreamPlace } from '../../src/memory/stream-place.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { AudienceDirectory } from '../conflate/audience-directory.js'
import type { JoinTransfer } from './join-transfer.js'
import type { LatestSearch } from './latest-search.js'
import type { ReplayTransfer } from './replay-transfer.js'
import type { RequestQueue } from './request-queue.js'

/** A snapshot of an audience with more symbols is prepared before the turn that holds it. It takes about as long as a step. */
const UNPREPARED_SYMBOLS_MAX = 256

export interface LaneTransfersDeps {
  readonly directory: AudienceDirectory
  readonly queue: RequestQueue
  readonly joins: JoinTransfer
  readonly replays: ReplayTransfer
  /** Bytes of the replies of one turn, about. At least one client gets its reply. */
  readonly replyBytesMax: number
  /** Names the client that the lane works for now, in shared memory; 0: for none. */
  readonly setCurrentClient: (client: number) => void
}

export class LaneTransfers {
  private readonly deps: LaneTransfersDeps
  /** Prepares the snapshot of the request that is the first to prepare. */
  private preparation: Generator<void, LatestSearch> | undefined

  constructor(deps: LaneTransfersDeps) {
    this.deps = deps
  }

  get hasQueued(): boolean {
    return !this.deps.queue.isEmpty
  }

  get isFull(): boolean {
    return this.deps.queue.isFull
  }

  /** Whether the next replies take so long that the frames of audiences should not wait for them. */
  get nextTakeLong(): boolean {
    return this.deps.queue
      .nextBatch()
      .some(({ join, snapshotKey }) => snapshotKey !== undefined || join.replay !== null)
  }

  /**
   * Whether the next requests are plain: each client only moves between audiences without conflation groups, and gets
   * no snapshot and no replay. The replies then need nothing of the turn, so a prompt turn may hold them.
   */
  get nextFitPromptTurn(): boolean {
    const { directory } = this.deps
    for (const { join, snapshotKey } of this.deps.queue.nextBatch()) {
      if (snapshotKey !== undefined || join.replay !== null || join.fellBehindAt !== null) return false
      for (const audience of this.audiencesOf(join)) if (directory.groupsOf(audience).length > 0) return false
    }
    return this.hasQueued
  }

  add(join: JoinCommand): void {
    const { directory, queue } = this.deps
    const audience = directory.get(join.audience)
    queue.add(join, audience !== undefined && directory.symbolCountOf(audience) > UNPREPARED_SYMBOLS_MAX)
  }

  /** Does one step for the next large snapshot, about 100 µs. @returns false when there is nothing to prepare */
  prepare(): boolean {
    const { directory, joins, queue, setCurrentClient } = this.deps
    const join = queue.toPrepare
    if (join === undefined) return false
    const audience = directory.get(join.audience)
    if (audience === undefined) {
      this.endPreparation(undefined)
      return true
    }
    setCurrentClient(join.client)
    this.preparation ??= joins.prepare(join, audience)
    const { done, value } = this.preparation.next()
    if (done) this.endPreparation(value)
    setCurrentClient(0)
    return true
  }

  /** The audiences that the next clients leave and join. */
  nextAudiences(): Set<LaneAudience> {
    return new Set(this.deps.queue.nextBatch().flatMap(({ join }) => this.audiencesOf(join)))
  }

  /** Replies to some of the queued requests. @param place behind the last tick taken */
  reply(place: StreamPlace): void {
    const { directory, joins, queue, replays, replyBytesMax, setCurrentClient } = this.deps
    const batch = queue.takeBatch()
    let bytes = 0
    while (batch.first !== undefined && bytes < replyBytesMax) {
      const { join } = batch.first
      const audience = directory.get(join.audience)
      // An audience that closed since has no members: the client is gone.
      if (audience === undefined) batch.takeFirst()
      else if (join.replay === null) bytes += joins.reply(batch, audience, place)
      else bytes += replays.reply(batch.takeFirst(), join.replay, audience, place)
    }
    setCurrentClient(0)
    queue.putBack(batch)
  }

  private endPreparation(prepared: LatestSearch | undefined): void {
    this.preparation = undefined
    this.deps.queue.prepare(prepared)
  }

  private audiencesOf({ audience, leaving }: JoinCommand): LaneAudience[] {
    const { directory } = this.deps
    return [directory.get(leaving), directory.get(audience)].filter(each => each !== undefined)
  }
}
