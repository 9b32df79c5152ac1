/**
 * Counters in shared memory: blocks of 64-bit words, one writer per block, read by anybody at any time.
 * The writer counts in memory of its own and flushes once a turn, so counting costs a plain addition and the
 * shared words are whole numbers that never tear.
 */

export function counterBlockBytes(count: number): number {
  return count * 8
}

export class CounterWriter {
  /** What the writer adds to; index by the block's slots. */
  readonly values: Float64Array
  private readonly flushed: Float64Array
  private readonly shared: BigInt64Array

  /** Goes on from what the block holds: a lane's successor continues its counts. */
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
      // Pairs with the load in readCounter.
      Atomics.store(shared, slot, BigInt(value))
    }
  }
}

export function readCounter(shared: BigInt64Array, slot: number): number {
  // Pairs with the store in CounterWriter.flush.
  return Number(Atomics.load(shared, slot))
}
