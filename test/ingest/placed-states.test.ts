import { expect, it } from 'vitest'
import { PlacedStates } from '../../src/ingest/placed-states.js'

const MAX = 2 ** 31 - 1

it('knows the state at each place that the slowest lane has not passed, across the wrap of positions', () => {
  const states = new PlacedStates(0)
  for (let change = 0; change < 4; change++) states.append(change + 1, (MAX + 10 * change) | 0, MAX - 1)
  const places = [MAX - 1, MAX, MAX + 9, MAX + 10, MAX + 25, MAX + 30, MAX + 99]
  expect(places.map(position => states.at(position | 0))).toEqual([0, 1, 1, 2, 3, 4, 4])
})

it('forgets the states that every lane has passed', () => {
  const states = new PlacedStates(0)
  for (let change = 0; change < 1_000; change++) {
    states.append(change + 1, change, change - 10)
    expect(states.size).toBeLessThanOrEqual(11)
    expect(states.at(change - 10)).toBe(Math.max(0, change - 9))
  }
})
