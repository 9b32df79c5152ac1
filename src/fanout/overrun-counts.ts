/** Counts overruns of slow clients. Main thread. */
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'

/** @param missed ticks that the client was told are missing; 0: it is conflated, and was given the latest ones */
export function countOverrun({ values }: Pick<CounterWriter, 'values'>, missed: number): void {
  if (missed === 0) values[MAIN_SLOTS.skippedAhead]! += 1
  else {
    values[MAIN_SLOTS.lapped]! += 1
    values[MAIN_SLOTS.ticksDroppedSlow]! += missed
  }
}
