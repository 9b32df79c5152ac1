/**
 * How busy the thread of a load generator is: whether messages wait for the generator. Main thread.
 * The event loop counts the time in which it works. What it leaves out is the time in which the system lets a woken thread
 * wait for a processor: Linux tells that.
 */
import { readFileSync } from 'node:fs'
import type { EventLoopUtilization } from 'node:perf_hooks'
import { systemClock } from '../../common/clock.js'

/** A peak is that of at least so long. */
const WINDOW_MS = 1000

export interface WorkReading {
  /** By any clock that goes on. */
  readonly atMs: number
  readonly loop: Pick<EventLoopUtilization, 'active' | 'idle'>
  /** How long the thread has run, or waited for a processor; undefined: the system does not tell. */
  readonly runnableMs: number | undefined
}

export class GeneratorWork {
  private readonly read: () => WorkReading
  private readonly first: WorkReading
  private windowStart: WorkReading
  private highest = 0

  /** Begins the measured time. @param read default: of this thread */
  constructor(read: () => WorkReading = readThread) {
    this.read = read
    this.first = read()
    this.windowStart = this.first
  }

  /** Is called several times a second. */
  look(): void {
    const now = this.read()
    if (now.atMs - this.windowStart.atMs < WINDOW_MS) return
    this.highest = Math.max(this.highest, shareBetween(this.windowStart, now))
    this.windowStart = now
  }

  /** Of the whole time, and the highest of a second in it: 0 to 1. */
  shares(): { readonly mean: number; readonly peak: number } {
    this.look()
    const mean = shareBetween(this.first, this.read())
    return { mean, peak: Math.max(this.highest, mean) }
  }
}

function shareBetween(from: WorkReading, to: WorkReading): number {
  const tookMs = to.atMs - from.atMs
  if (tookMs <= 0) return 0
  const [active, idle] = [to.loop.active - from.loop.active, to.loop.idle - from.loop.idle]
  const ofLoop = active + idle === 0 ? 0 : active / (active + idle)
  const runnableMs = (to.runnableMs ?? 0) - (from.runnableMs ?? 0)
  return Math.min(1, Math.max(ofLoop, runnableMs / tookMs))
}

function readThread(): WorkReading {
  return {
    atMs: systemClock.nowMs(),
    loop: performance.eventLoopUtilization(),
    runnableMs: runnableMs(),
  }
}

/** Nanoseconds on a processor, then those of waiting for one: https://docs.kernel.org/scheduler/sched-stats.html */
function runnableMs(): number | undefined {
  try {
    const [ran, waited] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ').map(Number)
    return (ran! + waited!) / 1e6
  } catch {
    return undefined
  }
}
