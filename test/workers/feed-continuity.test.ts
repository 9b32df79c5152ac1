import { describe, expect, it } from 'vitest'
import { FeedContinuity, SEAM, SEEN, WHOLE } from '../../workers/feed-continuity.js'

const BEGINNING = { lastPosition: 0, lostSincePosition: 0, seamOpen: false }

function continuity(state = {}, positionsTellLosses = true): FeedContinuity {
  return new FeedContinuity({ ...BEGINNING, ...state }, positionsTellLosses)
}

const session = (continuous: boolean, first = false) => ({ op: 'session' as const, first, continuous })

describe('the continuity of a feed', () => {
  it('is whole where positions follow each other, or tell nothing', () => {
    const feed = continuity()
    expect([5, 6, 0, 7].map(position => feed.take(position))).toEqual([WHOLE, WHOLE, WHOLE, WHOLE])
  })

  it('counts what is missing between two positions', () => {
    const feed = continuity()
    expect([5, 8, 9, 11].map(position => feed.take(position))).toEqual([WHOLE, 2, WHOLE, 1])
  })

  it('knows again what it has seen, and goes on from the highest', () => {
    const feed = continuity()
    expect([5, 5, 3, 6].map(position => feed.take(position))).toEqual([WHOLE, SEEN, SEEN, WHOLE])
  })

  it('does not count what was told as lost already', () => {
    const feed = continuity()
    feed.take(5)
    feed.lose(2)
    expect(feed.take(8)).toBe(WHOLE)
    feed.lose(1)
    expect(feed.take(12)).toBe(2)
    expect(feed.take(14)).toBe(1)
    feed.lose(7)
    expect([feed.take(15), feed.take(16)]).toEqual([WHOLE, WHOLE])
  })

  it('sees nothing in positions with holes by nature', () => {
    const feed = continuity({}, false)
    expect([5, 9, 9, 2].map(position => feed.take(position))).toEqual([WHOLE, WHOLE, WHOLE, WHOLE])
  })

  it('goes on from what was known', () => {
    expect(continuity({ lastPosition: 7 }).take(7)).toBe(SEEN)
    expect(continuity({ lastPosition: 7 }).take(10)).toBe(2)
    expect(continuity({ lastPosition: 7, lostSincePosition: 2 }).take(10)).toBe(WHOLE)
    expect(continuity({ lastPosition: 7, seamOpen: true }).take(100)).toBe(SEAM)
  })
})

describe('a session', () => {
  it('that is the first one says nothing about what was before', () => {
    const feed = continuity({ lastPosition: 3 })
    feed.sessionStarted(session(false, true))
    expect(feed.take(5)).toBe(1)
  })

  it('that goes on is compared with the one before, as if nothing had been told as lost', () => {
    const feed = continuity()
    feed.take(5)
    feed.lose(1)
    feed.sessionStarted(session(true))
    expect([4, 5, 7].map(position => feed.take(position))).toEqual([SEEN, SEEN, 1])
  })

  it('that does not go on leaves one seam, and begins anew after it', () => {
    const feed = continuity()
    feed.take(500)
    feed.sessionStarted(session(false))
    feed.sessionStarted(session(true))
    expect([7, 7, 9].map(position => feed.take(position))).toEqual([SEAM, SEEN, 1])
  })

  it('of a feed without positions leaves a seam, though it goes on', () => {
    const feed = continuity()
    feed.take(0)
    feed.sessionStarted(session(true))
    expect([0, 0].map(position => feed.take(position))).toEqual([SEAM, WHOLE])
  })
})
