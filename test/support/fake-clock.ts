import type { Clock, Timer } from '../../src/common/clock.js'
import { Watched } from './watched.js'

interface FakeTimer {
  dueMs: number
  readonly periodMs: number | undefined
  readonly callback: () => void
}

/** Time that stands still until a test moves it. Starts at 0 ms and at the epoch given. */
export class FakeClock extends Watched implements Clock {
  /** Of all timers ever set with `after`, in order. */
  readonly delaysMs: number[] = []
  private currentMs = 0
  private readonly startEpochUs: number
  private readonly timers = new Set<FakeTimer>()

  constructor(epochUs = 1_700_000_000_000_000) {
    super()
    this.startEpochUs = epochUs
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get timerCount(): number {
    return this.timers.size
  }

  nowMs(): number {
    return this.currentMs
  }

  /** How far the system's clock was stepped ahead. */
  stepUs = 0

  aheadUs(): number {
    return this.stepUs
  }

  epochUs(): number {
    return Math.floor(this.startEpochUs + this.currentMs * 1000)
  }

  after(delayMs: number, callback: () => void): Timer {
    this.delaysMs.push(delayMs)
    return this.set({ dueMs: this.currentMs + delayMs, periodMs: undefined, callback })
  }

  every(periodMs: number, callback: () => void): Timer {
    return this.set({ dueMs: this.currentMs + periodMs, periodMs, callback })
  }

  /** Moves time on and fires what falls due, in order. */
  advance(ms: number): void {
    const endMs = this.currentMs + ms
    for (;;) {
      let next: FakeTimer | undefined
      for (const timer of this.timers) {
        if (timer.dueMs <= endMs && (!next || timer.dueMs < next.dueMs)) next = timer
      }
      if (!next) break
      this.currentMs = Math.max(this.currentMs, next.dueMs)
      if (next.periodMs === undefined) this.timers.delete(next)
      // As Node does it: what was missed is not made up for.
      else next.dueMs = this.currentMs + next.periodMs
      next.callback()
    }
    this.currentMs = endMs
  }

  /** Moves time on step by step. After each the thread hears its peers, and has what it reads of files, as when nothing holds it up. */
  async pass(ms: number, stepMs: number): Promise<void> {
    for (let leftMs = ms; leftMs > 0; leftMs -= stepMs) {
      this.advance(Math.min(stepMs, leftMs))
      do await new Promise(setImmediate)
      while (process.getActiveResourcesInfo().some(isFileRead))
    }
  }

  /** Moves time on as if the thread had been held up: nothing fires until the next `advance`. */
  jump(ms: number): void {
    this.currentMs += ms
  }

  private set(timer: FakeTimer): Timer {
    this.timers.add(timer)
    this.changed()
    return { cancel: () => this.timers.delete(timer) }
  }
}

function isFileRead(resource: string): boolean {
  return resource === 'FSReqPromise' || resource === 'CloseReq'
}
