/** Time that stands still until a case moves it. */

interface FakeTimer {
  readonly dueMs: number
  readonly callback: () => void
}

export class FakeTime {
  private nowMs = 0
  private readonly timers = new Set<FakeTimer>()

  get timerCount(): number {
    return this.timers.size
  }

  now(): number {
    return this.nowMs
  }

  setTimeout(callback: () => void, delayMs: number): FakeTimer {
    const timer = { dueMs: this.nowMs + Math.max(0, delayMs), callback }
    this.timers.add(timer)
    return timer
  }

  clearTimeout(timer: unknown): void {
    this.timers.delete(timer as FakeTimer)
  }

  /** The next timer that is due, if it is due by `endMs`; moves the time to it. */
  runNext(endMs: number): boolean {
    let next: FakeTimer | undefined
    for (const timer of this.timers)
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    if (next === undefined) return false
    this.timers.delete(next)
    this.nowMs = Math.max(this.nowMs, next.dueMs)
    next.callback()
    return true
  }

  /** Time passes, and no timer is run. */
  pass(ms: number): void {
    this.nowMs += ms
  }
}
