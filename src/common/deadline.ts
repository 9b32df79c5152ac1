/**
 * A wait that ends, by the time in which this thread could act and hear its peers. Any thread.
 */
import type { Clock, Timer } from './clock.js'
import { PatientClock } from './patient-clock.js'

/** Waits for `work`, but not longer than `timeoutMs`. @returns whether the work was done in time */
export async function doneWithin(clock: Clock, timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  const time = new PatientClock(clock, timeoutMs)
  let timer: Timer | undefined
  const isLate = new Promise<boolean>(resolve => {
    timer = time.after(timeoutMs, () => resolve(false))
  })
  try {
    return await Promise.race([work.then(() => true), isLate])
  } finally {
    timer?.cancel()
    time.stop()
  }
}
