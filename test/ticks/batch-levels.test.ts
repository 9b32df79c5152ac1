import { describe, expect, it } from 'vitest'
import { BatchLevels } from '../../src/ticks/batch-levels.js'

/** A field of this number that holds bytes. */
const field = (number: number, bytes: readonly number[]) => [number * 8 + 2, bytes.length, ...bytes]

function walk(path: readonly number[], message: readonly number[]) {
  const taken: number[][] = []
  const levels = new BatchLevels(path, (batch, bytes, receivedUs) => {
    expect(receivedUs).toBe(7)
    while (batch.next()) taken.push([...bytes.subarray(batch.tickStart, batch.tickEnd)])
  })
  return { isWhole: levels.walk(new Uint8Array(message), 7), taken, areTicks: levels.areTicks }
}

describe('the levels of a batch', () => {
  it('are walked down to the ticks, in their order', () => {
    const inner = [...field(3, [1]), ...field(2, [9]), ...field(3, [2])]
    const message = [...field(1, [9]), ...field(5, inner), ...field(5, []), ...field(5, field(3, [3]))]
    expect(walk([5, 3], message)).toEqual({ isWhole: true, taken: [[1], [2], [3]], areTicks: false })
    expect(walk([3], inner)).toEqual({ isWhole: true, taken: [[1], [2]], areTicks: false })
  })

  it('give the ticks in front of bytes that are no field, at any depth', () => {
    const broken = [...field(3, [1]), 0]
    const message = [...field(5, field(3, [0])), ...field(5, broken), ...field(5, field(3, [2]))]
    expect(walk([5, 3], message)).toMatchObject({ isWhole: false, taken: [[0], [1]] })
    expect(walk([5, 3], [...field(5, field(3, [0])), 0])).toMatchObject({ isWhole: false, taken: [[0]] })
  })

  it('are none where each message is a tick', () => {
    expect(new BatchLevels([], () => {}).areTicks).toBe(true)
  })
})
