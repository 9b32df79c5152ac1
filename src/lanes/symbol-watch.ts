/**
 * Logs once that a feed of a schema of one's own has sent nothing but messages without a symbol. Main thread.
 * A few of them are heartbeats. If there is nothing else, the mapping may name the wrong field.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { readCounter } from '../memory/counters.js'
import { LANE_SLOTS, type LaneMetric } from '../metrics/metric-table.js'

const LOOK_PERIOD_MS = 1_000
/** A feed may begin with a heartbeat. */
const PATIENCE_MS = 10_000

export interface SymbolWatchDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'every'>
  readonly log: Log
  /** The counter block of each lane. */
  readonly laneBlocks: readonly SharedArrayBuffer[]
}

export class SymbolWatch {
  private readonly deps: SymbolWatchDeps
  private readonly blocks: readonly BigInt64Array[]
  private readonly timer: Timer
  /** When the first message without a symbol was seen. */
  private firstMs: number | undefined

  constructor(deps: SymbolWatchDeps) {
    this.deps = deps
    this.blocks = deps.laneBlocks.map(block => new BigInt64Array(block))
    this.timer = deps.clock.every(LOOK_PERIOD_MS, () => this.look())
  }

  stop(): void {
    this.timer.cancel()
  }

  private look(): void {
    if (this.highest('ticksDecoded') > 0 || this.highest('ticksMalformed') > 0) {
      this.stop()
      return
    }
    const messages = this.highest('messagesWithoutSymbol')
    if (messages === 0) return
    const nowMs = this.deps.clock.nowMs()
    this.firstMs ??= nowMs
    if (nowMs - this.firstMs < PATIENCE_MS) return
    this.deps.log.warn(
      { messages },
      'no message of the feed has had a symbol so far, and messages without one are skipped: ' +
        'unless the feed sends heartbeats only, look whether the mapping names the right field for the symbol',
    )
    this.stop()
  }

  /** Every lane reads every message. */
  private highest(metric: LaneMetric): number {
    return Math.max(...this.blocks.map(block => readCounter(block, LANE_SLOTS[metric])))
  }
}
