import { expect, it } from 'vitest'
import { EVENTS_MAX } from '../../src/metrics/overview.js'
import { RecentEvents } from '../../src/metrics/recent-events.js'
import { FakeClock } from '../support/fake-clock.js'
import { RecordedLog } from '../support/recorded-log.js'

it('lines of the log are kept as events, and passed on', () => {
  const log = new RecordedLog()
  const events = new RecentEvents({ log, clock: new FakeClock(), process: 2 })
  events.info({ client: 'a-1', address: undefined }, 'a client has come')
  events.debug({}, 'not shown')
  events.warn({ limits: ['a', 'b'], text: 'x'.repeat(1000) }, 'a client was refused')
  events.error({ err: new Error('of a test') }, 'a lane failed')
  expect(log.lines.map(({ level }) => level)).toEqual(['info', 'debug', 'warn', 'error'])
  expect(events.newest).toMatchObject([
    { process: 2, id: 1, level: 'info', message: 'a client has come', details: 'client: a-1' },
    { id: 2, level: 'warn', details: /^limits: \["a","b"\], text: x{199}…$/ },
    { id: 3, level: 'error', details: 'err: of a test' },
  ])
})

it('the oldest events go', () => {
  const events = new RecentEvents({ log: new RecordedLog(), clock: new FakeClock(), process: 1 })
  for (let index = 0; index < EVENTS_MAX + 5; index++) events.info({}, 'an event')
  expect(events.newest).toHaveLength(EVENTS_MAX)
  expect(events.newest[0]!.id).toBe(6)
})
