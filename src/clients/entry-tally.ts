/**
 * Counts the entries of all clients by what they name and what they get, for the metrics. Main thread.
 * Costs an addition for each entry that a client adds or removes.
 */
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { IntervalMs } from '../protocol/delivery.js'

export class EntryTally {
  private readonly counters: Pick<CounterWriter, 'values'>

  constructor(counters: Pick<CounterWriter, 'values'>) {
    this.counters = counters
  }

  /** @param intervalMs null: the entry is for every tick */
  change(entry: string, intervalMs: IntervalMs, change: 1 | -1): void {
    const slot = MAIN_SLOTS[`entries${kindOf(entry)}${intervalMs === null ? 'Every' : 'Latest'}`]
    this.counters.values[slot]! += change
  }
}

function kindOf(entry: string): 'All' | 'Prefix' | 'Symbol' {
  if (entry === '*') return 'All'
  return entry.endsWith('*') ? 'Prefix' : 'Symbol'
}
