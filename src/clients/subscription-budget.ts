/**
 * Bounds the entries of all clients together. Main thread. Each entry takes memory on the main thread and in a lane.
 */
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { EntryBudget } from './subscriptions.js'

export class SubscriptionBudget implements EntryBudget {
  readonly countMax: number
  private readonly counters: CounterWriter
  private count = 0

  constructor(countMax: number, counters: CounterWriter) {
    this.countMax = countMax
    this.counters = counters
  }

  hasRoomFor(count: number): boolean {
    return this.count + count <= this.countMax
  }

  /** Takes one entry. @returns false when all are taken; the refusal is counted */
  tryTake(): boolean {
    if (!this.hasRoomFor(1)) {
      this.counters.values[MAIN_SLOTS.subscriptionsRefused]! += 1
      return false
    }
    this.setCount(this.count + 1)
    return true
  }

  giveBack(count: number): void {
    this.setCount(this.count - count)
  }

  private setCount(count: number): void {
    this.count = count
    this.counters.values[MAIN_SLOTS.subscriptions] = count
  }
}
