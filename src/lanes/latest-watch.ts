/**
 * Logs once that a lane has no room for the latest ticks of all symbols. Main thread.
 * Every lane keeps the same symbols, so one line tells of all lanes.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { readCounter } from '../memory/counters.js'
import { LANE_SLOTS } from '../metrics/metric-table.js'

const LOOK_PERIOD_MS = 1_000

export interface LatestWatchDeps {
  readonly clock: Pick<Clock, 'every'>
  readonly log: Log
  /** The counter block of each lane. */
  readonly laneBlocks: readonly SharedArrayBuffer[]
  /** Of each lane, for latest ticks. */
  readonly latestBytes: number
}

export class LatestWatch {
  private readonly deps: LatestWatchDeps
  private readonly blocks: readonly BigInt64Array[]
  private readonly timer: Timer

  constructor(deps: LatestWatchDeps) {
    this.deps = deps
    this.blocks = deps.laneBlocks.map(block => new BigInt64Array(block))
    this.timer = deps.clock.every(LOOK_PERIOD_MS, () => this.look())
  }

  stop(): void {
    this.timer.cancel()
  }

  private look(): void {
    if (!this.blocks.some(block => readCounter(block, LANE_SLOTS.latestFull) > 0)) return
    this.stop()
    const { latestBytes, log } = this.deps
    log.warn(
      { latestBytes },
      'there is no room for the latest ticks of all symbols: snapshots lack some and say "incomplete", ' +
        'and clients of latest ticks get every tick of these symbols; raise RINGCAST_LATEST_BYTES (latestBytes)',
    )
  }
}
