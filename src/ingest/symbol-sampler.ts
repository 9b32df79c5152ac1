/**
 * Counts the newest ticks of the tick log by symbol, when somebody asks. Main thread.
 * Nothing is counted per tick: the ticks are read again from the log. A sample costs about two milliseconds. Reason:
 * docs/decisions/0098-the-dashboard-reads-what-is-there.md
 */
import { TickLogHistory } from '../memory/tick-log-history.js'
import { TICK_BATCH } from '../memory/tick-log-layout.js'
import { BUSIEST_MAX, type SymbolSample } from '../metrics/overview.js'
import { BatchReader } from '../ticks/batch-reader.js'
import type { TickCodec, TickReader } from '../ticks/tick-codec.js'
import type { StreamNumbering } from './stream-numbering.js'

/** Ticks of a sample at most. */
const TICKS_MAX = 2_000
/** No field has this number. */
const NO_FIELD = 0

export class SymbolSampler {
  private readonly history: TickLogHistory
  private readonly numbering: Pick<StreamNumbering, 'serial'>
  /** Those of the history. */
  private readonly bytes: Buffer
  private readonly reader: TickReader
  private readonly batch: BatchReader

  constructor(tickLog: SharedArrayBuffer, numbering: Pick<StreamNumbering, 'serial'>, codec: TickCodec) {
    this.history = new TickLogHistory(tickLog)
    this.numbering = numbering
    const { buffer, byteLength, byteOffset } = this.history.bytes
    this.bytes = Buffer.from(buffer, byteOffset, byteLength)
    this.reader = codec.createReader(this.history.bytes)
    this.batch = new BatchReader(codec.batchPath.at(-1) ?? NO_FIELD)
  }

  sample(): SymbolSample {
    const { history } = this
    // The bytes of each symbol as Latin-1, which costs less to decode than UTF-8.
    const counts = new Map<string, number>()
    let wanted = TICKS_MAX
    // Of long ticks, a small log holds fewer.
    while (wanted > 0 && !history.seek(this.afterOf(wanted))) wanted >>>= 1
    const after = this.afterOf(wanted)
    let ticks = 0
    let firstUs = 0
    let lastUs = 0
    // The main thread writes the log itself, so no byte changes meanwhile.
    while (ticks < wanted && history.nextTicks()) {
      const inRecord = this.countRecord(after, wanted - ticks, counts)
      if (inRecord === 0) continue
      if (ticks === 0) firstUs = history.receivedUs
      lastUs = history.receivedUs
      ticks += inRecord
    }
    const busiest = Array.from(counts, ([symbol, count]) => ({ symbol, ticks: count }))
      .sort((a, b) => b.ticks - a.ticks || (a.symbol < b.symbol ? -1 : 1))
      .slice(0, BUSIEST_MAX)
      .map(({ symbol, ticks: own }) => ({ symbol: Buffer.from(symbol, 'latin1').toString(), ticks: own }))
    return { ticks, spanMs: (lastUs - firstUs) / 1000, busiest }
  }

  private afterOf(ticks: number): number {
    return Math.max(0, this.numbering.serial - ticks)
  }

  /** Counts up to `ticksMax` ticks of the current record that come after a serial number. @returns how many */
  private countRecord(after: number, ticksMax: number, counts: Map<string, number>): number {
    const { batch, history } = this
    const { payloadLength, payloadStart } = history
    const skipped = Math.max(0, after - history.firstSerial + 1)
    if (history.type !== TICK_BATCH)
      return skipped === 0 && this.countTick(payloadStart, payloadStart + payloadLength, counts) ? 1 : 0
    batch.reset(history.bytes, payloadStart, payloadStart + payloadLength)
    let counted = 0
    for (let index = 0; counted < ticksMax && batch.next(); index++)
      if (index >= skipped && this.countTick(batch.tickStart, batch.tickEnd, counts)) counted++
    return counted
  }

  private countTick(start: number, end: number, counts: Map<string, number>): boolean {
    const { reader } = this
    if (!reader.decode(start, end) || reader.symbolLength === 0) return false
    const { symbolLength, symbolStart } = reader
    const symbol = this.bytes.toString('latin1', symbolStart, symbolStart + symbolLength)
    counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
    return true
  }
}
