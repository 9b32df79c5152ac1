import { availableParallelism } from 'node:os'
import { beforeEach, expect, it } from 'vitest'
import { LaneGroups } from '../../src/lanes/lane-groups.js'
import { FakeClock } from '../support/fake-clock.js'

const GROUP_LANES = Math.max(8, availableParallelism())
const LOOK_MS = 20

let clock: FakeClock
let started: number[][]
let begun: Set<number>

beforeEach(() => {
  clock = new FakeClock()
  started = []
  begun = new Set()
})

function begin(laneCount: number): LaneGroups {
  return new LaneGroups({
    laneCount,
    clock,
    hasBegun: lane => begun.has(lane),
    start: lanes => void started.push([...lanes]),
  })
}

it('starts few lanes at once, and leaves no timer when they have begun', () => {
  begin(2)
  expect(started).toEqual([[0, 1]])
  clock.advance(LOOK_MS)
  expect(clock.timerCount).toBe(1)
  begun.add(0).add(1)
  clock.advance(LOOK_MS)
  expect([started.length, clock.timerCount]).toEqual([1, 0])
})

it('starts the next group when each lane of the one before has begun or failed', () => {
  const groups = begin(GROUP_LANES + 2)
  expect(started).toEqual([Array.from({ length: GROUP_LANES }, (_, lane) => lane)])
  for (let lane = 1; lane < GROUP_LANES; lane++) begun.add(lane)
  clock.advance(10 * LOOK_MS)
  expect(started).toHaveLength(1)
  groups.laneFailed(0)
  clock.advance(LOOK_MS)
  expect(started[1]).toEqual([GROUP_LANES, GROUP_LANES + 1])
})

it('starts no further group after it was stopped', () => {
  const groups = begin(GROUP_LANES + 1)
  for (let lane = 0; lane < GROUP_LANES; lane++) begun.add(lane)
  groups.stop()
  clock.advance(10 * LOOK_MS)
  expect([started.length, clock.timerCount]).toEqual([1, 0])
})
