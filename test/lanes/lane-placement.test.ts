import { describe, expect, it } from 'vitest'
import { chooseLane } from '../../src/lanes/lane-placement.js'

const lanes = [3, 1, 1].map((audienceCount, index) => ({ index, audiences: { size: audienceCount } }))
type Lane = (typeof lanes)[number]

const isOneOf =
  (...indexes: number[]) =>
  ({ index }: Lane) =>
    indexes.includes(index)

describe('the lane of a client', () => {
  it.each([
    ['is the first that has the audience', [0, 2], [], 0],
    ['is the first with the fewest audiences when none has the audience', [], [], 1],
    ['is not overloaded', [], [1], 2],
    ['is not overloaded, even if only an overloaded one has the audience', [0], [0], 1],
    ['has the audience when all lanes are overloaded', [2], [0, 1, 2], 2],
    ['has the fewest audiences when all lanes are overloaded and none has the audience', [], [0, 1, 2], 1],
  ])('%s', (_, haveAudience, overloaded, expected) => {
    expect(chooseLane(lanes, isOneOf(...haveAudience), isOneOf(...overloaded)).index).toBe(expected)
  })
})
