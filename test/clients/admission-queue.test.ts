import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ADMISSION_WAIT_MS_MAX } from '../../src/clients/admission-queue.js'
import { FakeClock } from '../support/fake-clock.js'
import { HandlerServer } from '../support/handler-server.js'
import { upgradeRequest } from '../support/upgrade-request.js'

/** After a quiet time two clients are let in at once, then one each 50 ms. */
const PACE = { connectionsPerSecond: 20 }
const WAITING_MAX = (PACE.connectionsPerSecond * ADMISSION_WAIT_MS_MAX) / 1000

let server: HandlerServer
let clock: FakeClock
const clients: WebSocket[] = []

async function start(options = {}): Promise<void> {
  clock = new FakeClock()
  server = await HandlerServer.start({ ...PACE, ...options }, { clock })
}

/** Begins to connect clients, and waits until the server has all their requests. */
async function connectMany(count: number): Promise<void> {
  const before = server.sockets.length
  for (let client = 0; client < count; client++) {
    const socket = new WebSocket(server.url())
    socket.on('error', () => {})
    clients.push(socket)
  }
  await server.until(() => server.sockets.length === before + count)
}

/** Lets time pass until so many clients are in. @returns ms */
async function untilIn(count: number): Promise<number> {
  const startMs = clock.nowMs()
  while (server.handler.getClientCount() < count) {
    clock.advance(10)
    await new Promise(setImmediate)
  }
  return clock.nowMs() - startMs
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.terminate()
  await server.stop()
})

describe('a herd of clients', () => {
  it('is let in at the pace of the setting, in its order', async () => {
    await start()
    await connectMany(12)
    expect(server.handler.getClientCount()).toBe(2)
    expect(server.count('connectionsWaiting')).toBe(10)
    const tookMs = await untilIn(12)
    expect(tookMs).toBeGreaterThanOrEqual(490)
    expect(tookMs).toBeLessThanOrEqual(600)
    expect(server.counts('refused')).toEqual({})
  })

  it('gets 503 and a growing Retry-After beyond those that can be let in in ten seconds', async () => {
    await start()
    await connectMany(2 + WAITING_MAX)
    const refused = await server.refusal('/ws/ticks')
    expect(refused).toMatchObject({ status: 503, body: { code: 'too_many_connections' } })
    expect(server.counts('refused')).toEqual({ refusedPace: 1 })
    const waits: number[] = []
    for (let request = 0; request < 100; request++) {
      const { headers } = await server.refusal('/ws/ticks')
      waits.push(Number(headers['retry-after']))
    }
    const mean = (some: number[]) => some.reduce((sum, wait) => sum + wait, 0) / some.length
    expect(mean(waits.slice(-20))).toBeGreaterThan(mean(waits.slice(0, 20)) + 2)
    expect(new Set(waits.slice(0, 20)).size).toBeGreaterThan(2)
    // Those that wait are let in all the same.
    expect(await untilIn(2 + WAITING_MAX)).toBeLessThanOrEqual(ADMISSION_WAIT_MS_MAX + 100)
  })

  it('gives the turns of clients that go away to the others', async () => {
    await start()
    await connectMany(2)
    const raw = Array.from({ length: 10 }, () => connect(server.port, '127.0.0.1'))
    for (const socket of raw) {
      socket.on('error', () => {})
      socket.write(upgradeRequest('/ws/ticks'))
    }
    await server.until(() => server.sockets.length === 12)
    await connectMany(1)
    const closed = server.sockets
      .slice(2, 12)
      .map(socket => new Promise(resolve => socket.once('close', resolve)))
    for (const socket of raw) socket.resetAndDestroy()
    await Promise.all(closed)
    expect(await untilIn(3)).toBeLessThanOrEqual(60)
  })

  it('takes no more places than there are', async () => {
    await start({ maxClients: 5 })
    await connectMany(5)
    expect(await server.refusal('/ws/ticks')).toMatchObject({ status: 503, body: { code: 'limit' } })
    await untilIn(5)
  })

  it('is refused when the handler shuts down', async () => {
    await start()
    await connectMany(6)
    const statuses = clients.slice(2).map(async client => {
      const [, response] = await once(client, 'unexpected-response')
      response.resume()
      return [response.statusCode, Number(response.headers['retry-after']) > 0]
    })
    const over = server.handler.shutdown({ timeoutMs: 1000 })
    expect(await Promise.all(statuses)).toEqual(Array(4).fill([503, true]))
    await over
    expect(server.counts('refused')).toEqual({ refusedDraining: 4 })
  })
})
