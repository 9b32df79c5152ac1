import { describe, expect, it } from 'vitest'
import { LogBacklog, type WaitingRecord } from '../../src/ingest/log-backlog.js'
import { decodeEvent, type StreamEvent } from '../../src/lane-protocol/stream-events.js'
import { TICK } from '../../src/memory/tick-log-layout.js'

const BYTES_MAX = 4096
/** The bound, that of events, and a few events more. */
const WAITING_BYTES_MAX = BYTES_MAX + 64 * 1024 + 1024
const MESSAGE = new Uint8Array(100)

function drained(backlog: LogBacklog): WaitingRecord[] {
  const records: WaitingRecord[] = []
  backlog.appendAll(record => records.push(record) > 0)
  return records
}

describe('events that wait while the log is full', () => {
  it('are bounded, and then the client is told a loss of unknown size, and the state of the feed', () => {
    const backlog = new LogBacklog(BYTES_MAX)
    for (let tick = 0; tick < 100; tick++) backlog.addTicks(TICK, 1, MESSAGE, 0, MESSAGE.length, 1)
    for (let round = 1; round <= 5000; round++) {
      backlog.addEvent({ op: 'session', first: false, continuous: true })
      backlog.addTicks(TICK, 1, MESSAGE, 0, MESSAGE.length, 1)
      backlog.addEvent({ op: 'lost', reason: 'malformed', missed: 1 })
      const status = { number: round, feed: 'down', sinceUs: round, reason: undefined } as const
      backlog.addEvent({ op: 'status', status })
    }
    const records = drained(backlog)
    expect(backlog.isEmpty).toBe(true)
    const bytes = records.reduce((sum, { payload }) => sum + payload.length, 0)
    expect(bytes).toBeLessThan(WAITING_BYTES_MAX)
    const ticks = records.filter(({ type }) => type === TICK).length
    const events = records.slice(ticks).map(({ payload }) => decodeEvent(payload))
    const lostOf = (reason: string): number =>
      events.reduce(
        (sum, event) => sum + (event.op === 'lost' && event.reason === reason ? event.missed! : 0),
        0,
      )
    expect([ticks + lostOf('overload'), lostOf('malformed')]).toEqual([5100, 5000])
    expect(events.filter(({ op }) => op === 'session')[0]).toEqual({
      op: 'session',
      first: false,
      continuous: false,
    } satisfies StreamEvent)
    expect(events.at(-1)).toMatchObject({ op: 'status', status: { number: 5000 } })
  })

  it('stay as they are within the bound', () => {
    const backlog = new LogBacklog(BYTES_MAX)
    const events: StreamEvent[] = Array.from({ length: 500 }, (_, index) =>
      index % 2 === 0
        ? { op: 'session', first: index === 0, continuous: true }
        : { op: 'lost', reason: 'overload', missed: index },
    )
    for (const event of events) backlog.addEvent(event)
    expect(drained(backlog).map(({ payload }) => decodeEvent(payload))).toEqual(events)
  })
})
