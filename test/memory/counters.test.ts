import { describe, expect, it } from 'vitest'
import { CounterWriter, counterBlockBytes, readCounter } from '../../src/memory/counters.js'

const block = (count: number) => new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(count)))

describe('counters', () => {
  it('show no count before the writer flushes it', () => {
    const shared = block(2)
    const writer = new CounterWriter(shared)
    writer.values[1]! += 5
    expect(readCounter(shared, 1)).toBe(0)
    writer.flush()
    expect([readCounter(shared, 0), readCounter(shared, 1)]).toEqual([0, 5])
  })

  it('count beyond 32 bits, and exactly up to 2^53', () => {
    const shared = block(1)
    const writer = new CounterWriter(shared)
    for (const value of [2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 2, 2 ** 53 - 1, 2 ** 53]) {
      writer.values[0] = value
      writer.flush()
      expect(readCounter(shared, 0)).toBe(value)
    }
  })

  it('may go down, as gauges do', () => {
    const shared = block(1)
    const writer = new CounterWriter(shared)
    writer.values[0] = 3
    writer.flush()
    writer.values[0]! -= 3
    writer.flush()
    expect(readCounter(shared, 0)).toBe(0)
  })

  it('go on in a successor, without the counts that were not flushed', () => {
    const shared = block(3)
    const first = new CounterWriter(shared)
    first.values.set([1, 2 ** 40 + 1, 7])
    first.flush()
    first.values[0] = 100
    const second = new CounterWriter(shared)
    second.values[1]! += 1
    second.flush()
    expect([0, 1, 2].map(slot => readCounter(shared, slot))).toEqual([1, 2 ** 40 + 2, 7])
  })
})
