import { expect, it } from 'vitest'
import { CrashSuspects } from '../../src/lanes/crash-suspects.js'

const LIFETIME_MS = 50

function suspects(): CrashSuspects {
  return new CrashSuspects(2, 100)
}

it('quarantines what two lives of a lane in a row have crashed at', () => {
  const ticks = suspects()
  expect(ticks.noteCrash(0, 7, LIFETIME_MS)).toBe(false)
  expect(ticks.quarantined).toEqual([])
  expect(ticks.noteCrash(0, 7, LIFETIME_MS)).toBe(true)
  expect(ticks.quarantined).toEqual([7])
})

it('quarantines nothing for crashes at different ticks, at none, or of different lanes', () => {
  const ticks = suspects()
  for (const [lane, current] of [
    [0, 7],
    [1, 7],
    [0, 8],
    [0, 7],
    [0, 0],
    [0, 0],
    [0, 7],
  ] as const)
    expect(ticks.noteCrash(lane, current, LIFETIME_MS)).toBe(false)
  expect(ticks.quarantined).toEqual([])
})

it('quarantines nothing for the crash of a lane that has lived long', () => {
  const ticks = suspects()
  ticks.noteCrash(0, 7, LIFETIME_MS)
  expect(ticks.noteCrash(0, 7, 101)).toBe(false)
  // That crash may be the first of two.
  expect(ticks.noteCrash(0, 7, 100)).toBe(true)
})

it('names what two lanes have crashed at once only', () => {
  const ticks = suspects()
  for (const lane of [0, 1, 0, 1]) ticks.noteCrash(lane, 7, LIFETIME_MS)
  expect(ticks.quarantined).toEqual([7])
})
