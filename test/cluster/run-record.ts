/**
 * What the feed of the cluster sends, in all of its runs. A run is an epoch with positions of its own.
 * An offset of this record is `run * RUN_SPAN + position`, so the runs follow one another without meeting. It is also the
 * `sequence` of the tick.
 */
import { FeedRecord, type Kind } from '../support/feed-record.js'

/** No run has so many positions. */
export const RUN_SPAN = 1_000_000_000
/** The feed leaves out some positions at the beginning of each so many. */
const HOLE_PERIOD = 600
const HOLE_LENGTH_MAX = 7

export class RunRecord extends FeedRecord {
  /** Offsets behind which the gateways have the ticks of each run: before, no relay had called the feed. */
  private readonly begun = new Map<number, number>()
  /** Whether ticks may be lost by what happens now. A gap must tell them. */
  losesTicks = false
  private readonly lost: (readonly [from: number, to: number])[] = []

  static epochOf(offset: number): string {
    return `run-${Math.floor(offset / RUN_SPAN)}`
  }

  /** The first offset of an epoch; undefined: it is none of the feed. */
  static startOf(epoch: string): number | undefined {
    const run = /^run-(\d+)$/.exec(epoch)?.[1]
    return run === undefined ? undefined : Number(run) * RUN_SPAN
  }

  /** The offset of a `<epoch>:<offset>`; undefined: its epoch is none of the feed. */
  static placeOf(position: string | undefined): number | undefined {
    const [epoch = '', offset] = position?.split(':') ?? []
    const start = RunRecord.startOf(epoch)
    return start === undefined ? undefined : start + Number(offset)
  }

  override symbolAt(offset: number): string {
    return super.symbolAt(offset % RUN_SPAN)
  }

  override kindAt(offset: number): Kind {
    return super.kindAt(offset % RUN_SPAN)
  }

  override isSent(offset: number): boolean {
    const position = offset % RUN_SPAN
    const period = Math.floor(position / HOLE_PERIOD)
    if (this.lost.some(([from, to]) => from <= offset && offset <= to)) return false
    return position > 0 && (period === 0 || position % HOLE_PERIOD >= (period % HOLE_LENGTH_MAX) + 1)
  }

  override mayLose(from: number, to: number): boolean {
    if (this.losesTicks) this.lost.push([from, to])
    return this.losesTicks
  }

  /** A client was told that an epoch begins behind this offset. */
  begins(offset: number): void {
    const run = Math.floor(offset / RUN_SPAN)
    this.begun.set(run, Math.min(offset, this.begun.get(run) ?? offset))
  }

  /** Only ticks of the same run count that gateways have; 0 when there is none. */
  override newest(symbol: string, kind: Kind, until: number): number {
    const start = until - (until % RUN_SPAN)
    const { length } = this.symbols
    const index = this.symbols.indexOf(symbol)
    const position = until - (this.begun.get(Math.floor(until / RUN_SPAN)) ?? start)
    for (let back = (until - start - index + length) % length; back < position; back += length) {
      const offset = until - back
      if (this.kindAt(offset) === kind && this.isSent(offset)) return offset
    }
    return 0
  }
}
