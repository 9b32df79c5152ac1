import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { TestClient } from '../support/handler-server.js'
import { Ringcast } from '../support/ringcast-process.js'

const started: Ringcast[] = []
const clients: TestClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate()
  for (const process of started.splice(0)) await process.kill('SIGKILL')
})

function start(args: readonly string[], env: Record<string, string> = {}): Ringcast {
  const ringcast = new Ringcast(args, { env })
  started.push(ringcast)
  return ringcast
}

async function connect(url: string): Promise<TestClient> {
  const client = new TestClient(url, [], {})
  clients.push(client)
  await client.until(() => client.messages[0]?.type === 'subscribed')
  return client
}

/** The `seq` of each `ticks` message. */
function seqs(client: TestClient): number[] {
  return client.messages.flatMap(message => (message.type === 'ticks' ? [message.seq] : []))
}

function expectWhole(client: TestClient): void {
  const numbers = seqs(client)
  expect(numbers).toEqual(numbers.map((_, index) => numbers[0]! + index))
}

/** The refusal of a request to connect. */
async function fetchRefusal(url: string): Promise<{ status: number; code: string; retryAfterS: number }> {
  const client = new WebSocket(url)
  client.on('error', () => {})
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage]
  let body = ''
  for await (const chunk of response) body += chunk
  const { code } = JSON.parse(body) as { code: string }
  return { status: response.statusCode!, code, retryAfterS: Number(response.headers['retry-after']) }
}

/** A client that has stopped reading, with writes in flight to it. */
async function blockedClient(webSocketUrl: string, adminUrl: string): Promise<TestClient> {
  const client = await connect(webSocketUrl)
  client.socket.pause()
  for (let blocked = 0; blocked === 0; ) {
    const response = await fetch(`${adminUrl}/metrics.json`)
    const { counters } = (await response.json()) as { counters: { writesBlocked: number } }
    blocked = counters.writesBlocked
    await setTimeout(20)
  }
  return client
}

describe('ringcast', () => {
  it('streams its embedded feed, refuses plain HTTP with advice, and closes with 1001 behind the queued ticks at SIGTERM', async () => {
    const ringcast = start(['--drain-ms=0'])
    const { webSocketUrl } = await ringcast.streaming()
    const all = [await connect(webSocketUrl), await connect(webSocketUrl)]
    const response = await fetch(webSocketUrl.replace('ws:', 'http:'))
    expect(response.status).toBe(426)
    expect(response.headers.get('upgrade')).toBe('websocket')
    expect(await response.json()).toMatchObject({ type: 'error', code: 'websocket_only' })
    for (const client of all) await client.until(() => seqs(client).length >= 20)
    await ringcast.kill('SIGTERM')
    expect(await ringcast.ended()).toBe(0)
    for (const client of all) {
      expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'shutting down' })
      expectWhole(client)
    }
    // Neither client lacks ticks of the other.
    expect(all[0]!.ticks.at(-1)).toBe(all[1]!.ticks.at(-1))
    expect(ringcast.lines.at(-1)!.msg).toBe('stopped')
  })

  it('is not ready at once at SIGTERM, lets clients in for a while, then refuses and sends away', async () => {
    const ringcast = start(['--drain-delay-ms=1000', '--drain-ms=1500'])
    const { webSocketUrl, adminUrl } = await ringcast.streaming()
    const all = await Promise.all(Array.from({ length: 8 }, () => connect(webSocketUrl)))
    await ringcast.kill('SIGHUP')
    await ringcast.line('SIGHUP: files that have changed are read again')
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200)
    await ringcast.kill('SIGTERM')
    await ringcast.line('not ready any more; new clients are still let in')
    const readiness = await fetch(`${adminUrl}/readyz`)
    expect(readiness.status).toBe(503)
    expect(await readiness.json()).toMatchObject({
      checks: { gateway: 'stopping: send new clients elsewhere', lanes: 'ok', upstream: 'ok' },
    })
    all.push(await connect(webSocketUrl))
    expect(all.map(({ closed }) => closed)).toEqual(all.map(() => undefined))
    await all[0]!.untilClosed()
    const refused = await fetchRefusal(webSocketUrl)
    expect(refused).toMatchObject({ status: 503, code: 'draining' })
    expect(refused.retryAfterS).toBeGreaterThanOrEqual(5)
    expect(await ringcast.ended()).toBe(0)
    const offsets = all.map(client => {
      const goodbye = client.messages.at(-1)!
      if (goodbye.type !== 'goodbye') throw new Error(`the last message is ${goodbye.type}`)
      expectWhole(client)
      return goodbye.resume
    })
    expect(new Set(offsets).size).toBeGreaterThan(4)
  })

  it('ends with 0 in time, and closes the other clients with 1001, when one client does not read', async () => {
    const ringcast = start(['--feed-rate=50000'], {
      RINGCAST_SHUTDOWN_TIMEOUT_MS: '1500',
      RINGCAST_CLOSE_TIMEOUT_MS: '300',
    })
    const { webSocketUrl, adminUrl } = await ringcast.streaming()
    const other = await connect(webSocketUrl)
    await blockedClient(webSocketUrl, adminUrl)
    const startedMs = performance.now()
    await ringcast.kill('SIGTERM')
    expect(await ringcast.ended()).toBe(0)
    // The timeout, and the second of grace before an end by force.
    expect(performance.now() - startedMs).toBeLessThan(2500)
    expect(await other.untilClosed()).toEqual({ code: 1001, reason: 'shutting down' })
    expectWhole(other)
  })

  it('ends at once at a second signal', async () => {
    const ringcast = start(['--feed-rate=50000'], { RINGCAST_SHUTDOWN_TIMEOUT_MS: '60000' })
    const { webSocketUrl, adminUrl } = await ringcast.streaming()
    await blockedClient(webSocketUrl, adminUrl)
    await ringcast.kill('SIGTERM')
    await ringcast.line('stopping')
    await ringcast.kill('SIGTERM')
    expect(await ringcast.ended()).toBe(143)
    expect(await ringcast.line('stopped')).toBeUndefined()
  })

  it('ends with 1 and names the setting to change when its client port is taken', async () => {
    const taken = createServer().listen(0, '::')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const ringcast = start([], { RINGCAST_PORT: String(port) })
    expect(await ringcast.ended()).toBe(1)
    taken.close()
    expect(ringcast.lines.find(({ level }) => level === 'fatal')).toMatchObject({
      code: 'listen_failed',
      msg: `cannot serve clients at [::]:${port}: another process has this port: choose another one with RINGCAST_PORT`,
    })
  })

  it('ends with 2 and names the file that cannot be replayed', async () => {
    const ringcast = start(['--feed-replay=/nowhere/ticks.csv'])
    expect(await ringcast.ended()).toBe(2)
    const fatal = ringcast.lines.find(({ level }) => level === 'fatal')
    expect(fatal).toMatchObject({ code: 'feed_file_invalid' })
    expect(fatal!.msg).toContain('/nowhere/ticks.csv')
  })
})

describe('ringcast --upstream', () => {
  it('keeps its clients and sends them a gap when its feed ends and comes back', async () => {
    const feed = start(['feed', '--feed-listen=127.0.0.1:0'])
    const address = (await feed.line('feeding'))!.address!
    const { webSocketUrl, adminUrl } = await start([`--upstream=${address}`]).streaming()
    const client = await connect(webSocketUrl)
    await client.until(() => seqs(client).length >= 5)
    await feed.kill('SIGKILL')
    const gaps = () => client.messages.filter(({ type }) => type === 'gap')
    // A client that came before the feed is told the epoch of the feed by a gap.
    const gapsBefore = gaps().length
    await start(['feed', `--feed-listen=${address}`]).line('feeding')
    const gap = () => gaps()[gapsBefore]
    await client.until(() => gap() !== undefined)
    expect(gap()).toMatchObject({ type: 'gap', reason: 'upstream', missed: null })
    const before = seqs(client).length
    await client.until(() => seqs(client).length >= before + 5)
    expectWhole(client)
    expect(client.closed).toBeUndefined()
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200)
  })
})
