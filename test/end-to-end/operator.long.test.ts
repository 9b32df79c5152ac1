/**
 * What an operator does with a running gateway: finds a slow client, looks at Prometheus, drains.
 */
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClientRow } from '../../src/metrics/client-view.js'
import { TestClient } from '../support/handler-server.js'
import { noPrometheus, Prometheus } from '../support/prometheus.js'
import { Ringcast } from '../support/ringcast-process.js'

const HAS_IPV6 = Object.values(networkInterfaces())
  .flat()
  .some(known => known?.address === '::1')
const clients: TestClient[] = []
let ringcast: Ringcast
let adminUrl: string

beforeAll(async () => {
  ringcast = new Ringcast(['--processes=2', '--drain-delay-ms=0'])
  const { webSocketUrl, ...urls } = await ringcast.streaming()
  adminUrl = urls.adminUrl
  for (const host of ['127.0.0.1', HAS_IPV6 ? '[::1]' : '127.0.0.1']) {
    const client = new TestClient(webSocketUrl.replace('127.0.0.1', host), [], {})
    clients.push(client)
    await client.until(() => client.messages.length > 0)
  }
})

afterAll(async () => {
  for (const client of clients) client.socket.terminate()
  await ringcast.kill('SIGKILL')
})

async function jsonAt(path: string): Promise<unknown> {
  return (await fetch(`${adminUrl}${path}`)).json()
}

describe('an operator of two processes', () => {
  it.skipIf(noPrometheus !== undefined)('lets a real Prometheus scrape both', async () => {
    const prometheus = new Prometheus()
    try {
      await prometheus.start(
        [
          'global: { scrape_interval: 1s }',
          'scrape_configs:',
          '  - job_name: ringcast',
          `    static_configs: [{ targets: ['${new URL(adminUrl).host}'] }]`,
        ].join('\n'),
      )
      expect(await prometheus.results('up == 1')).toHaveLength(1)
      expect(await prometheus.results('count(ringcast_process_up == 1) == 2')).toHaveLength(1)
      expect(await prometheus.results('sum(ringcast_connections_active) == 2')).toHaveLength(1)
      expect(await prometheus.results('count(ringcast_ticks_received_total > 0) == 2')).toHaveLength(1)
      const quantile = 'histogram_quantile(0.99, sum by (le) (ringcast_latency_seconds_bucket)) > 0'
      expect(await prometheus.results(quantile)).toHaveLength(1)
    } finally {
      await prometheus.stop()
    }
  })

  it('sees the clients of both, closes one, and drains both without a lost tick', async () => {
    const { clients: rows } = (await jsonAt('/clients')) as { clients: ClientRow[] }
    // By default the gateway serves both versions of IP. Of IPv6 the network counts.
    const addresses = ['127.0.0.1', HAS_IPV6 ? '0:0:0:0' : '127.0.0.1']
    expect(rows.map(({ address }) => address).sort()).toEqual(addresses.sort())
    const { id } = rows[0]!
    expect((await fetch(`${adminUrl}/clients/${id}`, { method: 'DELETE' })).status).toBe(202)
    const closed = clients.find(({ messages }) => (messages[0] as { client?: string }).client === id)!
    expect(await closed.untilClosed()).toMatchObject({ code: 4010 })
    expect((await fetch(`${adminUrl}/clients/${id}`, { method: 'DELETE' })).status).toBe(404)

    expect(await jsonAt('/livez')).toEqual({ live: true, checks: { 'process 1': 'ok', 'process 2': 'ok' } })
    expect(await jsonAt('/readyz?verbose')).toMatchObject({
      ready: true,
      details: [{ process: 1 }, { process: 2 }],
    })

    expect((await fetch(`${adminUrl}/drain`, { method: 'POST' })).status).toBe(202)
    // A signal that comes then is the first one: it cuts nothing short.
    ringcast.child.kill('SIGTERM')
    expect(await ringcast.ended()).toBe(0)
    const other = clients.find(client => client !== closed)!
    expect(await other.untilClosed()).toMatchObject({ code: 1001 })
    expect(other.messages.at(-1)).toMatchObject({ type: 'goodbye' })
  })
})
