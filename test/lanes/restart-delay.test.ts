import { expect, it } from 'vitest'
import { RestartDelay } from '../../src/lanes/restart-delay.js'

const delays = (delay: RestartDelay, count: number) =>
  Array.from({ length: count }, () => delay.nextDelayMs())

it('is 0 for three crashes, then doubles up to five seconds', () => {
  const delay = new RestartDelay()
  expect(delays(delay, 12)).toEqual([0, 0, 0, 50, 100, 200, 400, 800, 1600, 3200, 5000, 5000])
})

it('is 0 for three crashes again after it starts over', () => {
  const delay = new RestartDelay()
  delays(delay, 6)
  delay.startOver()
  expect(delays(delay, 4)).toEqual([0, 0, 0, 50])
})
