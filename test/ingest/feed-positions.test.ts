import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BROKEN,
  FeedPositions,
  RESEND_DEPTH_MAX,
  SEEN,
  SESSION_BOUNDARY,
  WHOLE,
} from '../../src/ingest/feed-positions.js'
import { MISSED_MAX } from '../../src/protocol/messages.js'

const LARGEST = 2 ** 53 - 1

const RULES = { tellLosses: true, areRepeated: false }
const HOLES_BY_NATURE = { tellLosses: false, areRepeated: false }

const begin = (rules = RULES) => new FeedPositions(rules, 64)

/** What is found out about a tick with these bytes, which the feed's source then writes over. */
function takeOne(feed: FeedPositions, position: number, bytes: unknown): number {
  const message = Buffer.from(` ${bytes} `)
  const verdict = feed.take(position, message, 1, message.length - 1)
  feed.keepTick()
  message.fill(0)
  return verdict
}

/** What is found out about ticks at these positions. A tick of the same position is the same tick. */
const take = (feed: FeedPositions, ...positions: number[]): number[] =>
  positions.map(position => takeOne(feed, position, position % 1000))

const isInDoubt = (feed: FeedPositions): boolean => feed.lastPosition === 0

describe('the positions of a feed', () => {
  it('is whole where positions follow each other, or tell nothing', () => {
    expect(take(begin(), 5, 6, 0, 7)).toEqual([WHOLE, WHOLE, WHOLE, WHOLE])
  })

  it('counts what is missing between two positions', () => {
    expect(take(begin(), 5, 8, 9, 11)).toEqual([WHOLE, 2, WHOLE, 1])
  })

  it('knows a tick again that comes twice, and however often it comes', () => {
    expect(take(begin(), 5, 5, 6, 6, 6, 7)).toEqual([WHOLE, SEEN, WHOLE, SEEN, SEEN, WHOLE])
  })

  it('does not count what was told as lost already', () => {
    const feed = begin()
    take(feed, 5)
    feed.lose(2)
    expect(take(feed, 8)).toEqual([WHOLE])
    feed.lose(1)
    expect(take(feed, 12, 14)).toEqual([2, 1])
    feed.lose(7)
    expect(take(feed, 15, 16)).toEqual([WHOLE, WHOLE])
  })

  it('sees nothing in positions with holes by nature', () => {
    expect(take(begin(HOLES_BY_NATURE), 5, 9, 9, 2)).toEqual([WHOLE, WHOLE, WHOLE, WHOLE])
  })

  it.each([true, false])(
    'drops what another endpoint sent before, at any time: holes are losses %s',
    tellLosses => {
      const feed = begin({ tellLosses, areRepeated: true })
      expect(take(feed, 7, 8, 7, 8, 9, 9, 8, 10)).toEqual([
        WHOLE,
        WHOLE,
        SEEN,
        SEEN,
        WHOLE,
        SEEN,
        SEEN,
        WHOLE,
      ])
      expect(isInDoubt(feed)).toBe(false)
      expect(take(feed, 12, 11)).toEqual([tellLosses ? 1 : WHOLE, SEEN])
      expect(take(feed, 12 + RESEND_DEPTH_MAX + 1)).toEqual([tellLosses ? RESEND_DEPTH_MAX : WHOLE])
      expect(take(feed, 12)).toEqual([tellLosses ? BROKEN : WHOLE])
    },
  )
})

describe('a broken count', () => {
  it('is one that goes back within a session, and goes on from there', () => {
    expect(take(begin(), 5, 6, 3, 4, 5, 6, 7)).toEqual([
      ...[WHOLE, WHOLE],
      ...[BROKEN, WHOLE, WHOLE, WHOLE, WHOLE],
    ])
  })

  it('is one that jumps farther than anybody can believe, and the feed that goes on with its old count is not lost', () => {
    for (const wild of [LARGEST, 100 + MISSED_MAX + 2]) {
      const feed = begin()
      expect(take(feed, 99, 100, wild, 101, 102, 104)).toEqual([...[WHOLE, WHOLE, BROKEN, BROKEN, WHOLE, 1]])
    }
    expect(take(begin(), 100, 100 + MISSED_MAX + 1)).toEqual([WHOLE, MISSED_MAX])
  })

  it('tells no number of a hole before the next position has come: it may be the way back to the count before', () => {
    expect(take(begin(), 1000, 3, 1001, 1002, 1004)).toEqual([WHOLE, BROKEN, BROKEN, WHOLE, 1])
    expect(take(begin(), 1000, 1, 2, 4)).toEqual([WHOLE, BROKEN, WHOLE, 1])
    const twoCounts = take(begin(), 1000, 1, 1001, 2, 1002, 3)
    expect(twoCounts).toEqual([WHOLE, BROKEN, BROKEN, BROKEN, BROKEN, BROKEN])
  })

  it('is one that stands still while the ticks are others', () => {
    const feed = begin()
    expect([1, 2, 3, 3].map(mark => takeOne(feed, 7, mark))).toEqual([WHOLE, BROKEN, BROKEN, SEEN])
  })

  it('may begin with the very first tick', () => {
    expect(take(begin(), LARGEST, 1, 2, 3)).toEqual([WHOLE, BROKEN, WHOLE, WHOLE])
    const feed = begin()
    take(feed, 50)
    feed.sessionStarted(false, false)
    expect(take(feed, LARGEST, 1, 2)).toEqual([SESSION_BOUNDARY, BROKEN, WHOLE])
  })

  it('is nothing to go on from: not before the next position has come', () => {
    const feed = begin()
    const doubts = [99, 100, LARGEST, 101, 102, 101].map(position => {
      take(feed, position)
      return isInDoubt(feed)
    })
    expect(doubts).toEqual([false, false, true, true, false, true])
    expect(take(feed, 101)).toEqual([SEEN])
    expect(isInDoubt(feed)).toBe(true)
    const first = begin()
    take(first, LARGEST)
    expect(isInDoubt(first)).toBe(true)
  })

  it('is nothing to go on from either where positions have holes by nature', () => {
    const feed = begin(HOLES_BY_NATURE)
    const doubts = [99, 103, LARGEST, 107, 111].map(position => {
      take(feed, position)
      return isInDoubt(feed)
    })
    expect(doubts).toEqual([false, false, true, true, false])
  })

  it('makes a session that goes on one that cannot be compared with it', () => {
    const feed = begin()
    take(feed, 100, LARGEST)
    feed.sessionStarted(false, true)
    expect(take(feed, 101, 103)).toEqual([SESSION_BOUNDARY, 1])
  })
})

describe('a session', () => {
  it('that is the first one says nothing about what was before', () => {
    const feed = begin()
    take(feed, 3)
    feed.sessionStarted(true, false)
    expect(take(feed, 5)).toEqual([1])
  })

  it('that goes on is compared with the one before, as if nothing had been told as lost', () => {
    const feed = begin()
    take(feed, 5)
    feed.lose(1)
    feed.sessionStarted(false, true)
    expect(take(feed, 4, 5, 7)).toEqual([SEEN, SEEN, 1])
  })

  it('that goes on may send again what was sent, in its order and each tick more than once, and then no more', () => {
    const feed = begin()
    take(feed, 1, 2, 3, 4)
    feed.sessionStarted(false, true)
    expect(take(feed, 2, 2, 3, 4, 4, 5, 4)).toEqual([SEEN, SEEN, SEEN, SEEN, SEEN, WHOLE, BROKEN])
    feed.sessionStarted(false, true)
    expect(take(feed, 3)).toEqual([SESSION_BOUNDARY])
  })

  it('that goes on may send again what another process has taken, the last tick too', () => {
    const feed = new FeedPositions(RULES, 64, 5)
    feed.sessionStarted(false, true)
    expect(take(feed, 3, 4, 5, 5, 6)).toEqual([SEEN, SEEN, SEEN, SEEN, WHOLE])
    const other = new FeedPositions(RULES, 64, 5)
    other.sessionStarted(false, true)
    expect([takeOne(other, 5, 'one'), takeOne(other, 5, 'another')]).toEqual([SEEN, BROKEN])
  })

  it('that goes on and goes back while it sends again has broken its count', () => {
    const feed = begin()
    take(feed, 1, 2, 3, 4)
    feed.sessionStarted(false, true)
    expect(take(feed, 2, 3, 1, 2)).toEqual([SEEN, SEEN, BROKEN, WHOLE])
  })

  it('that goes on with a count begun anew is found out where it reaches the last tick, or at once if that is far', () => {
    const feed = begin()
    take(feed, 1, 2, 3, 4, 5)
    feed.sessionStarted(false, true)
    const marks = [1, 2, 3, 4, 5, 6].map(position => takeOne(feed, position, 100 + position))
    expect(marks).toEqual([SEEN, SEEN, SEEN, SEEN, BROKEN, WHOLE])
    const far = begin()
    take(far, RESEND_DEPTH_MAX + 2)
    far.sessionStarted(false, true)
    expect(take(far, 1, 2)).toEqual([BROKEN, WHOLE])
    const near = begin()
    take(near, RESEND_DEPTH_MAX + 1)
    near.sessionStarted(false, true)
    expect(take(near, 1, 2)).toEqual([SEEN, SEEN])
  })

  it('that does not go on leaves one session boundary, and begins anew after it', () => {
    const feed = begin()
    take(feed, 500)
    feed.sessionStarted(false, false)
    feed.sessionStarted(false, true)
    expect(take(feed, 7, 7, 9)).toEqual([SESSION_BOUNDARY, SEEN, 1])
  })

  it('of a feed without positions leaves a session boundary, though it goes on', () => {
    const feed = begin()
    take(feed, 0)
    feed.sessionStarted(false, true)
    expect(take(feed, 0, 0)).toEqual([SESSION_BOUNDARY, WHOLE])
  })
})

/** What a feed may do: a tick so far past the one before, or at a place of its own, or the one before again; or another session. */
type Deed =
  | { readonly step: number }
  | { readonly position: number }
  | { readonly again: true }
  | { readonly lost: number }
  | { readonly continuous: boolean }

const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ step: fc.constantFrom(1, 1, 1, 1, 1, 1, 0, 2, 5, -1, -3) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      position: fc.oneof(
        fc.constantFrom(0, 1, LARGEST - 1, LARGEST, MISSED_MAX, 2 ** 52),
        fc.integer({ min: 1, max: 30 }),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ again: fc.constant(true as const) }) },
  { weight: 1, arbitrary: fc.record({ lost: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ continuous: fc.boolean() }) },
)

describe('whatever a feed does', () => {
  it('each tick is delivered, or it came before in the same run of positions, and each hole in a run is told', () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 60 }), deeds => {
        const feed = begin()
        // Of the run of positions in hand: where it began, how far it is, and the ticks that were delivered or told as lost.
        let first = 0
        let last = 0
        let lost = 0
        let told = 0
        let sent = 10
        let mark = 0
        for (const each of deeds) {
          if ('continuous' in each) {
            feed.sessionStarted(false, each.continuous)
            lost = 0
            continue
          }
          if ('lost' in each) {
            feed.lose(each.lost)
            lost += each.lost
            continue
          }
          if (!('again' in each)) {
            sent = 'step' in each ? Math.min(LARGEST, Math.max(1, sent + each.step)) : each.position
            mark++
          }
          const found = takeOne(feed, sent, mark)
          if (found === SEEN) {
            expect(sent).toBeGreaterThan(0)
            expect(sent).toBeLessThanOrEqual(last)
            continue
          }
          if (found === SESSION_BOUNDARY || found === BROKEN || (sent !== 0 && first === 0)) {
            // Nobody is told a number across a break.
            if (found !== SESSION_BOUNDARY && found !== BROKEN) expect(found).toBe(WHOLE)
            first = sent
            told = sent === 0 ? 0 : 1
          } else if (sent !== 0) {
            expect(sent).toBeGreaterThan(last)
            expect(found).toBe(Math.max(0, sent - last - 1 - lost))
            expect(found).toBeLessThanOrEqual(MISSED_MAX)
            told += 1 + found + Math.min(lost, sent - last - 1)
            // Ticks and told losses are all of the run.
            expect(told).toBe(sent - first + 1)
          }
          if (sent === 0) continue
          last = sent
          lost = 0
        }
      }),
      { numRuns: 2000 },
    )
  })
})
