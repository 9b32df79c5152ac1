/**
 * The requests of clients that the lane has read and not replied to, in their order. One lane's own.
 */

import { type JoinCommand, snapshotSymbols, wantsAllLatest } from '../../src/lane-protocol/lane-commands.js'
import type { LatestSearch } from './latest-search.js'
import { isBehind } from './reply-messages.js'

/** Queued requests from which on the lane reads no more records. */
const QUEUED_MAX = 16_384
/** Requests in one batch: a reply without a snapshot takes 10 to 20 µs. */
const BATCH_MAX = 256

export interface QueuedRequest {
  readonly join: JoinCommand
  /** Requests with the same key get the same snapshot; undefined: no snapshot, or one that no other client gets. */
  readonly snapshotKey: string | undefined
  /** The snapshot as it was prepared; undefined: it is small, or there is none. */
  readonly prepared?: LatestSearch
}

export class RequestQueue {
  private readonly queued: QueuedRequest[] = []
  /** Requests whose snapshots are to be prepared first. */
  private unprepared: QueuedRequest[] = []
  /** Queued requests with prepared snapshots. */
  private preparedCount = 0

  /** Whether there is none that can be replied to now. */
  get isEmpty(): boolean {
    return this.queued.length === 0
  }

  get isFull(): boolean {
    return this.queued.length + this.unprepared.length >= QUEUED_MAX
  }

  /** The request whose snapshot is to be prepared now. One at a time: a prepared snapshot takes memory. */
  get toPrepare(): JoinCommand | undefined {
    return this.preparedCount > 0 ? undefined : this.unprepared[0]?.join
  }

  /** @param isLarge whether a snapshot, if the client gets one, is to be prepared first */
  add(join: JoinCommand, isLarge: boolean): void {
    const snapshotKey = snapshotKeyOf(join)
    if (isLarge && snapshotKey !== undefined) this.unprepared.push({ join, snapshotKey })
    else this.queued.push({ join, snapshotKey })
  }

  /**
   * The snapshot of the first unprepared request, and of those that get the same one, is prepared.
   *
   * @param prepared undefined: no client gets it any more
   */
  prepare(prepared: LatestSearch | undefined): void {
    const key = this.unprepared[0]!.snapshotKey
    const rest: QueuedRequest[] = []
    for (const request of this.unprepared) {
      if (request.snapshotKey !== key) rest.push(request)
      else if (prepared !== undefined) this.queued.push({ ...request, prepared })
    }
    this.unprepared = rest
    this.countPrepared()
  }

  /** The requests of the next batch; they stay queued. */
  nextBatch(): readonly QueuedRequest[] {
    return this.queued.slice(0, BATCH_MAX)
  }

  /** Removes the next batch. */
  takeBatch(): RequestBatch {
    return new RequestBatch(this.queued.splice(0, BATCH_MAX))
  }

  /** Queues the rest of a batch again, before all others. */
  putBack(batch: RequestBatch): void {
    this.queued.unshift(...batch.rest)
    this.countPrepared()
  }

  private countPrepared(): void {
    this.preparedCount = this.queued.filter(({ prepared }) => prepared !== undefined).length
  }
}

export class RequestBatch {
  private requests: QueuedRequest[]

  constructor(requests: QueuedRequest[]) {
    this.requests = requests
  }

  get rest(): readonly QueuedRequest[] {
    return this.requests
  }

  get first(): QueuedRequest | undefined {
    return this.requests[0]
  }

  /** Removes the first request. */
  takeFirst(): JoinCommand {
    return this.requests.shift()!.join
  }

  /** Removes the first request and those that get the same snapshot, `countMax` at most, but the first in any case. */
  takeAlike(countMax: number): JoinCommand[] {
    const [first, ...others] = this.requests
    const alike = [first!.join]
    const rest: QueuedRequest[] = []
    for (const each of others) {
      const isAlike = each.snapshotKey !== undefined && each.snapshotKey === first!.snapshotKey
      if (isAlike && alike.length + 1 <= countMax) alike.push(each.join)
      else rest.push(each)
    }
    this.requests = rest
    return alike
  }
}

function snapshotKeyOf(join: JoinCommand): string | undefined {
  const { replies, audience, replay } = join
  const fellBehindAt = isBehind(join) ? join.fellBehindAt : null
  if (replay !== null) return undefined
  const symbols = snapshotSymbols(replies)
  const all = wantsAllLatest(replies)
  if (symbols.length === 0 && fellBehindAt === null && !all) return undefined
  return JSON.stringify([audience, fellBehindAt?.serial, fellBehindAt?.flushedSerial, symbols, all])
}
