/**
 * Tells the log that the feed has broken its count of positions. Main thread, which decodes no tick: the lanes find a break and count
 * it, each of them the same one, and this looks at their counters. A feed may break its count with each tick: lines are few.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { readCounter } from '../memory/counters.js'
import { LANE_SLOTS } from '../metrics/metric-table.js'

const LOOK_PERIOD_MS = 1_000
/** Between two lines at the least. */
const QUIET_MS = 60_000

export interface PositionWatchDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'every'>
  readonly log: Log
  /** The counters of each lane. */
  readonly laneBlocks: readonly SharedArrayBuffer[]
}

export class PositionWatch {
  private readonly deps: PositionWatchDeps
  private readonly blocks: readonly BigInt64Array[]
  private readonly timer: Timer
  private breaksTold = 0
  private quietUntilMs = 0

  constructor(deps: PositionWatchDeps) {
    this.deps = deps
    this.blocks = deps.laneBlocks.map(block => new BigInt64Array(block))
    this.timer = deps.clock.every(LOOK_PERIOD_MS, () => {
      if (deps.clock.nowMs() >= this.quietUntilMs) this.look()
    })
  }

  /** To be called when the lanes have ended: tells what was not told yet. */
  stop(): void {
    this.timer.cancel()
    this.look()
  }

  private look(): void {
    const { clock, log } = this.deps
    const breaks = Math.max(...this.blocks.map(block => readCounter(block, LANE_SLOTS.positionBreaks)))
    if (breaks === this.breaksTold) return
    log.warn(
      { ticks: breaks - this.breaksTold },
      'positions of the feed went back or jumped farther than anybody can believe, and clients were told a gap of unknown size: ' +
        'correct how the feed counts, see Tick.position in proto/ringcast.proto',
    )
    this.breaksTold = breaks
    this.quietUntilMs = clock.nowMs() + QUIET_MS
  }
}
