/**
 * Draws the wait before the next try: a random time below a cap that doubles with each failure ("full jitter"). Any thread.
 * The readers of a feed that restarts therefore do not all return at one moment.
 */
export class Backoff {
  private readonly minMs: number
  private readonly maxMs: number
  private readonly random: () => number
  private failures = 0

  /** @param random returns 0 up to, not including, 1 */
  constructor(minMs: number, maxMs: number, random: () => number) {
    this.minMs = minMs
    this.maxMs = maxMs
    this.random = random
  }

  /** Counts a failure. Returns the milliseconds to wait. */
  nextDelayMs(): number {
    const capMs = Math.min(this.maxMs, this.minMs * 2 ** this.failures)
    this.failures++
    return this.random() * capMs
  }

  /** The next failure counts as the first. */
  startOver(): void {
    this.failures = 0
  }
}
