/**
 * Counters in shared memory: a block of int64 words with one writer. Every thread may read a block at any time.
 * The writer counts in memory of its own and flushes once a turn, so counting costs a plain addition.
 */

export function counterBlockBytes(count: number): number {
  return count * 8
}

export class CounterWriter {
  /** The counts, by slot. The owner adds to them. */
  readonly values: Float64Array
  private readonly flushed: Float64Array
  private readonly shared: BigInt64Array

  /** Begins with the counts in the block: a successor continues the counts of the lane before it. */
  constructor(shared: BigInt64Array) {
    this.shared = shared
    this.values = Float64Array.from(shared, Number)
    this.flushed = Float64Array.from(this.values)
  }

  flush(): void {
    const { values, flushed, shared } = this
    for (let slot = 0; slot < values.length; slot++) {
      const value = values[slot]!
      if (value === flushed[slot]) continue
      flushed[slot] = value
      // Pairs with the load in `readCounter`. A 64-bit word never tears.
      Atomics.store(shared, slot, BigInt(value))
    }
  }
}

export function readCounter(shared: BigInt64Array, slot: number): number {
  // Pairs with the store in CounterWriter.flush.
  return Number(Atomics.load(shared, slot))
}
