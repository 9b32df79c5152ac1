/**
 * Measures how old ticks are when they reach the gateway: by the time that they bear. Main thread.
 * Nothing is done per tick. A timer looks at a tick of the newest record of the tick log. Ticks without a time count for
 * nothing. A feed whose clock is ahead counts as one without delay.
 */
import type { Clock, Timer } from '../common/clock.js'
import { TickLogHistory } from '../memory/tick-log-history.js'
import { TICK_BATCH } from '../memory/tick-log-layout.js'
import type { Histogram } from '../metrics/histogram.js'
import { BatchReader } from '../ticks/batch-reader.js'
import type { TickCodec, TickReader } from '../ticks/tick-codec.js'
import type { StreamNumbering } from './stream-numbering.js'

export const FEED_LATENCY_PERIOD_MS = 100
/** No field has this number. */
const NO_FIELD = 0

export interface FeedLatencyDeps {
  readonly tickLog: SharedArrayBuffer
  readonly numbering: Pick<StreamNumbering, 'serial'>
  readonly codec: Pick<TickCodec, 'createReader' | 'batchPath'>
  readonly clock: Pick<Clock, 'every' | 'aheadUs'>
  /** Gets one observation for each look that finds new ticks. */
  readonly latency: Histogram
}

export class FeedLatency {
  private readonly deps: FeedLatencyDeps
  private readonly history: TickLogHistory
  private readonly reader: TickReader
  private readonly batch: BatchReader
  private readonly timer: Timer
  /** Serial number of the newest tick at the last look. */
  private serial = 0

  constructor(deps: FeedLatencyDeps) {
    this.deps = deps
    this.history = new TickLogHistory(deps.tickLog)
    this.reader = deps.codec.createReader(this.history.bytes)
    this.batch = new BatchReader(deps.codec.batchPath.at(-1) ?? NO_FIELD)
    this.timer = deps.clock.every(FEED_LATENCY_PERIOD_MS, () => this.look())
  }

  stop(): void {
    this.timer.cancel()
  }

  private look(): void {
    const { clock, latency, numbering } = this.deps
    const { history } = this
    const { serial } = numbering
    if (serial === this.serial) return
    this.serial = serial
    let [start, end, receivedUs, type] = [0, 0, 0, 0]
    if (!history.seek(serial)) return
    // The main thread writes the log itself, so no byte changes meanwhile. The walk is through one block at most.
    while (history.nextTicks()) {
      start = history.payloadStart
      end = start + history.payloadLength
      receivedUs = history.receivedUs
      type = history.type
    }
    if (type === TICK_BATCH) {
      this.batch.reset(history.bytes, start, end)
      if (!this.batch.next()) return
      start = this.batch.tickStart
      end = this.batch.tickEnd
    }
    if (!this.reader.decode(start, end) || this.reader.symbolLength === 0) return
    const timeUs = this.reader.timeUs()
    if (timeUs > 0) latency.observe(Math.max(0, receivedUs + clock.aheadUs() - timeUs), 1)
  }
}
