/** The wait before the next connection: random below a cap that doubles with each failure ("full jitter"). */
import type { Time } from './environment.js'

const MIN_MS = 500
const MAX_MS = 20_000
/** A connection that lived so long has shown that the gateway is well. */
const FORGOTTEN_AFTER_MS = 5_000

export class Backoff {
  private readonly time: Time
  private readonly random: () => number
  private failures = 0
  private upSince: number | undefined

  /** @param random returns 0 up to, not including, 1 */
  constructor(time: Time, random: () => number) {
    this.time = time
    this.random = random
  }

  /** The gateway has let the client in. */
  up(): void {
    this.upSince = this.time.now()
  }

  /** The connection has ended. @returns ms to wait */
  nextDelayMs(): number {
    if (this.upSince !== undefined && this.time.now() - this.upSince >= FORGOTTEN_AFTER_MS) this.failures = 0
    this.upSince = undefined
    const capMs = Math.min(MAX_MS, MIN_MS * 2 ** this.failures)
    this.failures++
    return Math.round(this.random() * capMs)
  }
}
