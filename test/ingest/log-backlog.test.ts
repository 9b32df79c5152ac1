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
  it('are bounded, and then the client is told the losses together, and the state of the feed', () => {
    const backlog = new LogBacklog(BYTES_MAX)
    let offset = 0
    const addTick = () => backlog.addTicks(TICK, 1, ++offset, MESSAGE, 0, MESSAGE.length, 1)
    for (let tick = 0; tick < 100; tick++) addTick()
    for (let round = 1; round <= 5000; round++) {
      backlog.addEvent(statusOf(round))
      addTick()
      backlog.addEvent({ op: 'lost', reason: 'malformed', missed: 1, from: offset + 1, to: offset, offset })
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
    expect(events.findLast(({ op }) => op === 'status')).toMatchObject({ status: { number: 5000 } })
  })

  it('are bounded over many epochs: the last one begins behind a loss of unknown size', () => {
    const backlog = new LogBacklog(BYTES_MAX)
    for (let number = 1; number <= 5000; number++) {
      const epoch = { number, name: `e${number}`, isShared: true }
      backlog.addEvent({ op: 'lost', reason: 'upstream', missed: 1, from: 7, to: 6, offset: 6, epoch })
      backlog.addEvent(statusOf(number))
    }
    const events = drained(backlog).map(({ payload }) => decodeEvent(payload))
    expect(events.length).toBeLessThan(1500)
    const begins = events.findLast(event => event.op === 'lost')
    expect(begins?.epoch?.number).toBe(5000)
    const firstOf = events.find(event => event.op === 'lost')
    expect(firstOf).toMatchObject({ missed: null, from: 7, to: 6 })
    expect(events.at(-1)).toMatchObject({ op: 'status', status: { number: 5000 } })
  })

  it('stay as they are within the bound', () => {
    const backlog = new LogBacklog(BYTES_MAX)
    const events: StreamEvent[] = Array.from({ length: 500 }, (_, index) =>
      index % 2 === 0
        ? statusOf(index)
        : { op: 'lost', reason: 'overload', missed: 1, from: index, to: index, offset: index },
    )
    for (const event of events) backlog.addEvent(event)
    expect(drained(backlog).map(({ payload }) => decodeEvent(payload))).toEqual(events)
  })
})

function statusOf(number: number): StreamEvent {
  return { op: 'status', status: { number, feed: 'down', sinceUs: number, reason: undefined } }
}
