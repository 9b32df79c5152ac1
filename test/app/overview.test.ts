/** The overview of real gateways: one process, and two on one port. */
import { afterEach, expect, it } from 'vitest'
import type { Overview } from '../../src/metrics/overview.js'
import { TestClient } from '../support/handler-server.js'
import { Ringcast } from '../support/ringcast-process.js'

const started: Ringcast[] = []
const clients: TestClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate()
  for (const process of started.splice(0)) await process.kill('SIGKILL')
})

/** @returns the overview of gateways that have sent ticks to a client */
async function overviewOf(args: readonly string[], processes: number): Promise<Overview> {
  const ringcast = new Ringcast(['--feed-symbols=3', ...args])
  started.push(ringcast)
  const { adminUrl, webSocketUrl } = await ringcast.streaming()
  const client = new TestClient(webSocketUrl, [], {})
  clients.push(client)
  await client.until(() => client.messages.filter(({ type }) => type === 'ticks').length >= 3)
  for (;;) {
    const response = await fetch(`${adminUrl}/overview`)
    const overview = (await response.json()) as Overview
    if (
      overview.processes.filter(({ ready }) => ready).length === processes &&
      overview.symbols.busiest.length === 3
    )
      return overview
  }
}

it('a gateway shows its source, clients, ticks, lanes, symbols and events', async () => {
  const overview = await overviewOf([], 1)
  expect(overview).toMatchObject({
    ready: true,
    source: { name: /^synthetic: 3 symbols/, state: 'live', isPaused: false, lastError: null },
    clients: { connected: 1, waiting: 0, max: 1000, every: 1, latest: 0 },
    totals: { entered: 1, refused: 0, laneRestarts: 0 },
    lanes: [{ process: 1, lane: 0, isRunning: true, restarts: 0, audiences: 1, clients: 1 }],
    slowest: [{ user: null, subscriptions: 1 }],
    processes: [{ process: 1, ready: true, checks: { lanes: 'ok', upstream: 'ok' } }],
  })
  const { events, lanes, latency, symbols, totals } = overview
  expect(totals.ticksIn).toBeGreaterThan(0)
  expect(totals.ticksOut).toBeGreaterThan(0)
  expect(totals.bytesOut).toBeGreaterThan(totals.messagesOut)
  expect(latency.count).toBeGreaterThan(0)
  expect(overview.feedLatency.counts).toHaveLength(overview.feedLatency.boundsUs.length)
  expect(lanes[0]!.ringUsedBytes).toBeLessThan(lanes[0]!.ringBytes)
  expect(symbols.busiest.map(({ symbol }) => symbol).sort()).toEqual(['SYM0001', 'SYM0002', 'SYM0003'])
  expect(symbols.busiest.reduce((sum, { ticks }) => sum + ticks, 0)).toBe(symbols.ticks)
  expect(events.map(({ message }) => message)).toContain('a client has come')
})

it('two gateways on one port show sums, and the lanes of both', async () => {
  const { clients: seen, events, lanes, processes, totals } = await overviewOf(['--processes=2'], 2)
  expect(seen).toMatchObject({ connected: 1, max: 2000 })
  expect(lanes.map(({ process }) => process)).toEqual([1, 2])
  expect(processes.map(({ process }) => process)).toEqual([1, 2])
  expect(totals.entered).toBe(1)
  expect(events.some(({ message }) => message === 'a client has come')).toBe(true)
}, 60_000)
