/** Says when commands may be sent: those of one task together, and not more often than the gateway takes them. */
import type { Time } from './environment.js'

/** The least time between two rounds of commands: the gateway takes 50 a second. */
const EVERY_MS = 50

export class SyncTimer {
  private readonly time: Time
  private readonly run: () => void
  private timer: unknown
  private dueMs = Number.POSITIVE_INFINITY
  private notBeforeMs = Number.NEGATIVE_INFINITY

  constructor(time: Time, run: () => void) {
    this.time = time
    this.run = run
  }

  /** Runs after the delay, or earlier. */
  schedule(delayMs: number): void {
    const nowMs = this.time.now()
    const dueMs = Math.max(this.notBeforeMs, nowMs + delayMs)
    if (dueMs >= this.dueMs) return
    this.time.clearTimeout(this.timer)
    this.dueMs = dueMs
    this.timer = this.time.setTimeout(() => {
      this.dueMs = Number.POSITIVE_INFINITY
      this.notBeforeMs = this.time.now() + EVERY_MS
      this.run()
    }, dueMs - nowMs)
  }

  /** Runs after the delay, and not before. */
  holdBack(delayMs: number): void {
    this.stop()
    this.notBeforeMs = this.time.now() + delayMs
    this.schedule(delayMs)
  }

  stop(): void {
    this.time.clearTimeout(this.timer)
    this.dueMs = Number.POSITIVE_INFINITY
  }
}
