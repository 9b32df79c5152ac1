/**
 * How long to wait before the next try: anything up to a cap that doubles with each failure ("full jitter"), so
 * that many readers of a feed that came back do not return at one moment. Any thread.
 */
export class Backoff {
  readonly #minMs: number
  readonly #maxMs: number
  readonly #random: () => number
  #failures = 0

  /** `random` gives 0 up to, not including, 1. */
  constructor(minMs: number, maxMs: number, random: () => number) {
    this.#minMs = minMs
    this.#maxMs = maxMs
    this.#random = random
  }

  /** Milliseconds to wait after one more failure. */
  nextDelayMs(): number {
    const capMs = Math.min(this.#maxMs, this.#minMs * 2 ** this.#failures)
    this.#failures++
    return this.#random() * capMs
  }

  /** All went well for long enough: the next failure is the first again. */
  startOver(): void {
    this.#failures = 0
  }
}
