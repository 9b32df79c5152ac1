/**
 * The common deadline of a sequence of waits. Main thread.
 */
import type { Clock, Timer } from './clock.js'

export class Deadline {
  private readonly clock: Clock
  private readonly startMs: number
  private readonly timeoutMs: number

  constructor(clock: Clock, timeoutMs: number) {
    this.clock = clock
    this.startMs = clock.nowMs()
    this.timeoutMs = timeoutMs
  }

  /**
   * Waits for `work`, at most until this share (0 to 1) of the whole time has passed since the start.
   *
   * @returns whether the work ended in time
   */
  async within(share: number, work: Promise<void>): Promise<boolean> {
    const leftMs = this.startMs + this.timeoutMs * share - this.clock.nowMs()
    let timer: Timer | undefined
    const late = new Promise<boolean>(resolve => {
      timer = this.clock.after(Math.max(0, leftMs), () => resolve(false))
    })
    const inTime = await Promise.race([work.then(() => true), late])
    timer?.cancel()
    return inTime
  }
}
