import { expect, it } from 'vitest'
import { FeedStatusLog } from '../../src/ingest/feed-status-log.js'

const MAX = 2 ** 31 - 1

it('counts changes, and keeps since when the feed is in a state', () => {
  const log = new FeedStatusLog()
  expect(log.state).toBeUndefined()
  expect(log.change('live', undefined, 5)).toEqual({ number: 1, feed: 'live', sinceUs: 5, reason: undefined })
  expect(log.change('down', 'lost', 7)).toMatchObject({ number: 2, sinceUs: 7 })
  expect(log.change('down', 'lost', 8)).toBeUndefined()
  expect(log.change('down', 'still', 9)).toEqual({ number: 3, feed: 'down', sinceUs: 7, reason: 'still' })
  expect(log.state).toBe('down')
})

it('knows the state at each place that the slowest lane has not passed, across the wrap of positions', () => {
  const log = new FeedStatusLog()
  const at = (position: number) => log.at(position | 0).number
  for (let change = 0; change < 4; change++)
    log.append(
      log.change(change % 2 === 0 ? 'down' : 'live', undefined, change)!,
      (MAX + 10 * change) | 0,
      MAX - 1,
    )
  expect([MAX - 1, MAX, MAX + 9, MAX + 10, MAX + 25, MAX + 30, MAX + 99].map(at)).toEqual([
    0, 1, 1, 2, 3, 4, 4,
  ])
})

it('forgets the states that every lane has passed', () => {
  const log = new FeedStatusLog()
  for (let change = 0; change < 1_000; change++) {
    log.append(log.change(change % 2 === 0 ? 'down' : 'live', undefined, change)!, change, change - 10)
    expect(log.size).toBeLessThanOrEqual(11)
    expect(log.at(change - 10).number).toBe(Math.max(0, change - 9))
  }
})
