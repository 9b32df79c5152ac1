/**
 * Watches what the process costs and how long its event loop keeps others waiting. Main thread.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import type { Clock, Timer } from '../common/clock.js'
import { Histogram, type HistogramView } from './histogram.js'

export interface ProcessView {
  /** Seconds since the Unix epoch. */
  readonly startS: number
  readonly cpuUserUs: number
  readonly cpuSystemUs: number
  readonly residentBytes: number
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  /** Memory of objects outside the heap, and of shared memory. */
  readonly externalBytes: number
  /** Files that the process may open; null: any number. */
  readonly filesMax: number | null
  /** How late a timer of the main thread was, 50 times a second. */
  readonly eventLoopDelay: HistogramView
  /** Pauses of the main thread for garbage, by kind. */
  readonly gc: Readonly<Record<GcKind, HistogramView>>
}

const GC_KINDS = {
  major: constants.NODE_PERFORMANCE_GC_MAJOR,
  minor: constants.NODE_PERFORMANCE_GC_MINOR,
  incremental: constants.NODE_PERFORMANCE_GC_INCREMENTAL,
  weakcb: constants.NODE_PERFORMANCE_GC_WEAKCB,
} as const
export type GcKind = keyof typeof GC_KINDS

/** The types of Node lack `detail`. */
interface GcEntry extends PerformanceEntry {
  readonly detail: { readonly kind: number }
}

const BEAT_MS = 20
/** An event loop that is later than this cannot answer a probe in time. */
const LATE_MS = 1000

export interface ProcessWatchDeps {
  readonly clock: Pick<Clock, 'nowMs' | 'every'>
  /** Infinity: any number. */
  readonly filesMax: number
}

export class ProcessWatch {
  private readonly deps: ProcessWatchDeps
  private readonly delays = new Histogram()
  private readonly pauses = {
    major: new Histogram(),
    minor: new Histogram(),
    incremental: new Histogram(),
    weakcb: new Histogram(),
  }
  private readonly observer: PerformanceObserver
  private readonly timer: Timer
  private beatMs: number
  /** When the event loop was last prompt. */
  private promptMs: number

  constructor(deps: ProcessWatchDeps) {
    this.deps = deps
    this.beatMs = deps.clock.nowMs()
    this.promptMs = this.beatMs
    this.timer = deps.clock.every(BEAT_MS, () => this.beat())
    this.observer = new PerformanceObserver(list => {
      for (const entry of list.getEntries()) this.paused(entry as GcEntry)
    })
    this.observer.observe({ entryTypes: ['gc'] })
  }

  /** For how long the event loop has been late each time, ms. */
  get lateForMs(): number {
    return this.deps.clock.nowMs() - this.promptMs
  }

  view(): ProcessView {
    const { external, heapTotal, heapUsed, rss } = process.memoryUsage()
    const { system, user } = process.cpuUsage()
    const { filesMax } = this.deps
    const { incremental, major, minor, weakcb } = this.pauses
    return {
      startS: Math.round(Date.now() / 1000 - process.uptime()),
      cpuUserUs: user,
      cpuSystemUs: system,
      residentBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      externalBytes: external,
      filesMax: Number.isFinite(filesMax) ? filesMax : null,
      eventLoopDelay: this.delays.view(),
      gc: {
        major: major.view(),
        minor: minor.view(),
        incremental: incremental.view(),
        weakcb: weakcb.view(),
      },
    }
  }

  stop(): void {
    this.timer.cancel()
    this.observer.disconnect()
  }

  private beat(): void {
    const nowMs = this.deps.clock.nowMs()
    const lateMs = Math.max(0, nowMs - this.beatMs - BEAT_MS)
    this.beatMs = nowMs
    if (lateMs < LATE_MS) this.promptMs = nowMs
    this.delays.observe(lateMs * 1000, 1)
  }

  private paused({ detail, duration }: GcEntry): void {
    for (const name of Object.keys(GC_KINDS) as GcKind[])
      if (GC_KINDS[name] === detail.kind) this.pauses[name].observe(duration * 1000, 1)
  }
}
