/**
 * Logs that the feed has broken its count of positions. Main thread.
 * Only the lanes decode ticks. Each lane finds and counts every break, so the highest of their counters is the number.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { readCounter } from '../memory/counters.js'
import { LANE_SLOTS } from '../metrics/metric-table.js'

const LOOK_PERIOD_MS = 1_000
/** The least time between two lines: a feed may break its count with every tick. */
const QUIET_MS = 60_000

export interface PositionWatchDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'every'>
  readonly log: Log
  /** The counter block of each lane. */
  readonly laneBlocks: readonly SharedArrayBuffer[]
}

export class PositionWatch {
  private readonly deps: PositionWatchDeps
  private readonly blocks: readonly BigInt64Array[]
  private readonly timer: Timer
  private loggedBreaks = 0
  private quietUntilMs = 0

  constructor(deps: PositionWatchDeps) {
    this.deps = deps
    this.blocks = deps.laneBlocks.map(block => new BigInt64Array(block))
    this.timer = deps.clock.every(LOOK_PERIOD_MS, () => {
      if (deps.clock.nowMs() >= this.quietUntilMs) this.look()
    })
  }

  /** Logs the breaks that have not been logged. Call it when the lanes have ended. */
  stop(): void {
    this.timer.cancel()
    this.look()
  }

  private look(): void {
    const { clock, log } = this.deps
    const breaks = Math.max(...this.blocks.map(block => readCounter(block, LANE_SLOTS.positionBreaks)))
    if (breaks === this.loggedBreaks) return
    log.warn(
      { ticks: breaks - this.loggedBreaks },
      'positions of the feed went back or jumped too far to be true, and clients were told a gap of unknown size: ' +
        'correct how the feed counts, see Tick.position in proto/ringcast.proto',
    )
    this.loggedBreaks = breaks
    this.quietUntilMs = clock.nowMs() + QUIET_MS
  }
}
