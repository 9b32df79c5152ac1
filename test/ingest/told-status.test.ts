import { expect, it } from 'vitest'
import { ToldStatus } from '../../src/ingest/told-status.js'

it('counts changes, and keeps since when the feed is in a state', () => {
  const told = new ToldStatus()
  expect(told.state).toBeUndefined()
  expect(told.change('live', undefined, 5)).toEqual({
    number: 1,
    feed: 'live',
    sinceUs: 5,
    reason: undefined,
  })
  expect(told.change('down', 'lost', 7)).toMatchObject({ number: 2, sinceUs: 7 })
  expect(told.change('down', 'lost', 8)).toBeUndefined()
  expect(told.change('down', 'still', 9)).toEqual({ number: 3, feed: 'down', sinceUs: 7, reason: 'still' })
  expect(told.state).toBe('down')
})
