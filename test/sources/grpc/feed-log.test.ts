import { expect, it } from 'vitest'
import { FeedLog, REMINDER_MS } from '../../../src/sources/grpc/feed-log.js'
import { FakeClock } from '../../support/fake-clock.js'

function feedLog() {
  const lines: string[] = []
  const clock = new FakeClock()
  const log = { info: (text: string) => lines.push(text), warn: (text: string) => lines.push(`warn ${text}`) }
  return { lines, clock, log: new FeedLog(log, clock, 'X') }
}

it('tells of an outage, and of its end', () => {
  const { lines, clock, log } = feedLog()
  log.accepted()
  log.live(1)
  clock.advance(100_000)
  log.ended('bye')
  log.failed('refused')
  clock.advance(10_000)
  log.failed('refused')
  log.accepted()
  log.live(2)
  expect(lines).toEqual([
    'connected to X, waiting for its first tick',
    'the feed at X is live, session 1',
    'the stream of X has ended and is called again at once: bye',
    'warn no feed at X, trying until there is one: refused',
    'connected to X, waiting for its first tick',
    'the feed at X is live again after 10 s, session 2',
  ])
})

it('tells of a feed that comes and goes with the next reminder, and then of its return', () => {
  const { lines, clock, log } = feedLog()
  log.failed('refused')
  for (let session = 1; session <= 31; session++) {
    clock.advance(5_000)
    log.live(session)
    clock.advance(5_000)
    log.failed('refused')
  }
  clock.advance(5_000)
  log.live(32)
  expect(lines).toEqual([
    'warn no feed at X, trying until there is one: refused',
    'the feed at X is live again after 5 s, session 1',
    'warn no feed at X, trying until there is one: refused',
    'the feed at X is live again after 5 s, session 31',
  ])
})

it('tells of a feed that is lost again soon when it does not return at once, with the age of this loss', () => {
  const { lines, clock, log } = feedLog()
  log.failed('refused')
  clock.advance(5_000)
  log.live(1)
  clock.advance(20_000)
  log.failed('refused')
  clock.advance(9_999)
  log.failed('refused')
  expect(lines).toHaveLength(2)
  clock.advance(1)
  log.failed('refused')
  clock.advance(REMINDER_MS)
  log.failed('refused')
  expect(lines.slice(2)).toEqual([
    'warn no feed at X, trying until there is one: refused',
    'warn no feed at X for 5 min, still trying: refused',
  ])
})

it('tells of a new outage after the feed was connected and silent', () => {
  const { lines, clock, log } = feedLog()
  log.live(1)
  log.failed('refused')
  log.accepted()
  clock.advance(REMINDER_MS)
  log.ended('bye')
  log.failed('refused')
  clock.advance(REMINDER_MS)
  log.failed('refused')
  log.live(2)
  expect(lines).toEqual([
    'the feed at X is live, session 1',
    'warn no feed at X, trying until there is one: refused',
    'connected to X, waiting for its first tick',
    'the stream of X has ended and is called again at once: bye',
    'warn no feed at X, trying until there is one: refused',
    'warn no feed at X for 5 min, still trying: refused',
    'the feed at X is live again after 5 min, session 2',
  ])
})
