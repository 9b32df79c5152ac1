import { expect, it } from 'vitest'
import { Backoff } from '../../src/common/backoff.js'

it('draws each wait from the whole range below a cap that doubles up to the maximum', () => {
  const least = new Backoff(100, 1000, () => 0)
  const most = new Backoff(100, 1000, () => 0.999)
  expect([1, 2, 3].map(() => least.nextDelayMs())).toEqual([0, 0, 0])
  const delaysMs = [1, 2, 3, 4, 5, 6].map(() => most.nextDelayMs())
  expect(delaysMs.map(Math.round)).toEqual([100, 200, 400, 799, 999, 999])
})

it('stays at the maximum after any number of failures', () => {
  const backoff = new Backoff(100, 1000, () => 0.5)
  for (let i = 0; i < 5000; i++) backoff.nextDelayMs()
  expect(backoff.nextDelayMs()).toBe(500)
})

it('waits as after a first failure when it has started over', () => {
  const backoff = new Backoff(100, 1000, () => 0.5)
  backoff.nextDelayMs()
  backoff.nextDelayMs()
  backoff.startOver()
  expect(backoff.nextDelayMs()).toBe(50)
})
