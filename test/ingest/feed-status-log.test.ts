import { expect, it } from 'vitest'
import { FeedStatusLog } from '../../src/ingest/feed-status-log.js'
import { FakeClock } from '../support/fake-clock.js'

const MAX = 2 ** 31 - 1

it('counts changes, and keeps since when the feed is in a state', () => {
  const clock = new FakeClock()
  const log = new FeedStatusLog(clock)
  const first = log.change('live', undefined)
  expect(first).toEqual({ number: 1, feed: 'live', sinceUs: clock.epochUs(), reason: undefined })
  const downUs = clock.epochUs() + 1_000_000
  clock.advance(1_000)
  expect(log.change('down', 'lost')).toMatchObject({ number: 2, sinceUs: downUs })
  clock.advance(1_000)
  expect(log.change('down', 'lost')).toBeUndefined()
  expect(log.change('down', 'still')).toEqual({ number: 3, feed: 'down', sinceUs: downUs, reason: 'still' })
})

it('keeps that by the clock of the system, which may be stepped', () => {
  const clock = new FakeClock()
  clock.stepUs = 3_600_000_000
  expect(new FeedStatusLog(clock).change('live', undefined)).toMatchObject({
    sinceUs: clock.epochUs() + 3_600_000_000,
  })
})

it('knows the state at each place that the slowest lane has not passed, across the wrap of positions', () => {
  const log = new FeedStatusLog(new FakeClock())
  const at = (position: number) => log.at(position | 0).number
  for (let change = 0; change < 4; change++)
    log.append(log.change(change % 2 === 0 ? 'down' : 'live', undefined)!, (MAX + 10 * change) | 0, MAX - 1)
  expect([MAX - 1, MAX, MAX + 9, MAX + 10, MAX + 25, MAX + 30, MAX + 99].map(at)).toEqual([
    0, 1, 1, 2, 3, 4, 4,
  ])
})

it('forgets the states that every lane has passed', () => {
  const log = new FeedStatusLog(new FakeClock())
  for (let change = 0; change < 1_000; change++) {
    log.append(log.change(change % 2 === 0 ? 'down' : 'live', undefined)!, change, change - 10)
    expect(log.size).toBeLessThanOrEqual(11)
    expect(log.at(change - 10).number).toBe(Math.max(0, change - 9))
  }
})
