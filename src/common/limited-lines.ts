/**
 * Limits log lines that others cause. Any thread. Each kind of line has a share of its own, so that many lines of one
 * kind hide no other kind. What is left out is told as a number.
 */
import type { Clock, Timer } from './clock.js'

/** Lines of one kind in one period. */
export const LINES_MAX = 20
export const LINES_PERIOD_MS = 10_000

interface Period {
  readonly startMs: number
  written: number
  suppressed: number
  timer: Timer | undefined
}

export class LimitedLines<Kind> {
  private readonly clock: Pick<Clock, 'nowMs' | 'after'>
  private readonly tell: (kind: Kind, suppressed: number) => void
  /** Of each kind that had a line. There are few kinds. */
  private readonly periods = new Map<Kind, Period>()

  /** @param tell called at the end of a period in which lines of a kind were left out */
  constructor(clock: Pick<Clock, 'nowMs' | 'after'>, tell: (kind: Kind, suppressed: number) => void) {
    this.clock = clock
    this.tell = tell
  }

  /** @returns whether a line of this kind is to be written now */
  take(kind: Kind): boolean {
    const nowMs = this.clock.nowMs()
    let period = this.periods.get(kind)
    if (period === undefined || nowMs - period.startMs >= LINES_PERIOD_MS) {
      if (period !== undefined) this.end(kind, period)
      period = { startMs: nowMs, written: 0, suppressed: 0, timer: undefined }
      this.periods.set(kind, period)
    }
    if (period.written < LINES_MAX) {
      period.written++
      return true
    }
    period.suppressed++
    const ended = period
    period.timer ??= this.clock.after(period.startMs + LINES_PERIOD_MS - nowMs, () => this.end(kind, ended))
    return false
  }

  /** Tells what was left out so far. Safe to call twice. */
  stop(): void {
    for (const [kind, period] of this.periods) this.end(kind, period)
    this.periods.clear()
  }

  private end(kind: Kind, period: Period): void {
    period.timer?.cancel()
    period.timer = undefined
    const { suppressed } = period
    period.suppressed = 0
    if (suppressed > 0) this.tell(kind, suppressed)
  }
}
