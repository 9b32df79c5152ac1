/**
 * A time by which a sequence of waits has to be over. Main thread.
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
   * Waits for `work`, but not beyond this part (0 to 1) of the whole time.
   *
   * @returns whether the work was done in time
   */
  async within(part: number, work: Promise<void>): Promise<boolean> {
    const leftMs = this.startMs + this.timeoutMs * part - this.clock.nowMs()
    let timer: Timer | undefined
    const late = new Promise<boolean>(resolve => {
      timer = this.clock.after(Math.max(0, leftMs), () => resolve(false))
    })
    const inTime = await Promise.race([work.then(() => true), late])
    timer?.cancel()
    return inTime
  }
}
