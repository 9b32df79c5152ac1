/**
 * The time of an attack, and its pace within it.
 */
import { setTimeout as sleep } from 'node:timers/promises'

export class Rounds {
  private readonly endMs: number

  constructor(seconds: number) {
    this.endMs = performance.now() + seconds * 1000
  }

  /** Waits for the next round. @returns false when the time of the attack is over */
  async next(everyMs: number): Promise<boolean> {
    if (this.isOver) return false
    await sleep(Math.min(everyMs, this.endMs - performance.now()))
    return !this.isOver
  }

  get isOver(): boolean {
    return performance.now() >= this.endMs
  }
}
