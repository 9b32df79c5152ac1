import { once } from 'node:events'
import { request } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { AdminGuard } from '../../src/admin/admin-guard.js'
import { AdminServer } from '../../src/admin/admin-server.js'
import type { AdminView } from '../../src/admin/admin-view.js'
import { OVERVIEW_SUBPROTOCOL, WATCHERS_MAX } from '../../src/admin/overview-watch.js'
import { silentLog } from '../../src/common/log.js'
import type { Overview } from '../../src/metrics/overview.js'
import { FakeClock } from '../support/fake-clock.js'
import { until } from '../support/until.js'

const TOKEN = 'a-token/of+a=test'
const PAGE = new Map([['/', { contentType: 'text/html', body: Buffer.from('<p>') }]])

let server: AdminServer
let clock: FakeClock
let made = 0
let port = 0
const sockets: WebSocket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await server.close()
})

/** @param size of each overview, in characters */
async function start(token?: string, size = 0): Promise<void> {
  clock = new FakeClock()
  made = 0
  const view: AdminView = {
    metrics: () => ({}),
    prometheus: async () => '',
    liveness: () => ({ live: true, checks: {} }),
    checkNames: [],
    readiness: () => ({ ready: true, checks: {} }),
    details: () => ({}),
    clients: undefined,
    overview: async () => ({ atMs: ++made, version: 'x'.repeat(size) }) as Overview,
    drain: () => {},
  }
  const guard = new AdminGuard({ host: '127.0.0.1', names: [], token: () => token })
  server = new AdminServer({ host: '127.0.0.1', port: 0, view, page: PAGE, guard, clock, log: silentLog })
  port = (await server.listen()).port
}

function dial(headers: Record<string, string> = {}, protocols: string[] = [], path = '/overview'): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, { headers })
  sockets.push(socket)
  socket.on('error', () => {})
  return socket
}

/** A watcher, and what it has been sent so far. */
async function watch(headers = {}, protocols: string[] = []) {
  const socket = dial(headers, protocols)
  const seen: number[] = []
  socket.on('message', data => seen.push((JSON.parse(String(data)) as Overview).atMs))
  await once(socket, 'open')
  await until(() => seen.length > 0)
  return { socket, seen }
}

async function refusal(...parameters: Parameters<typeof dial>): Promise<number> {
  const [, response] = await once(dial(...parameters), 'unexpected-response')
  response.resume()
  return response.statusCode
}

it('an overview is made once a second for all who watch, and none when nobody does', async () => {
  await start()
  clock.advance(10_000)
  expect(made).toBe(0)
  const one = await watch()
  const two = await watch()
  await until(() => one.seen.length === 2)
  clock.advance(1000)
  await until(() => two.seen.length === 2)
  await until(() => one.seen.length === 3)
  expect([one.seen, two.seen]).toEqual([
    [1, 2, 3],
    [2, 3],
  ])
  for (const { socket } of [one, two]) {
    socket.close()
    await once(socket, 'close')
  }
  await until(() => {
    const before = made
    clock.advance(5000)
    return made === before
  })
})

it('watchers are bounded, and a place that is left is free', async () => {
  await start()
  const first = await watch()
  for (let count = 1; count < WATCHERS_MAX; count++) await watch()
  expect(await refusal()).toBe(503)
  first.socket.close()
  await once(first.socket, 'close')
  await watch()
})

it('a watcher that does not read is sent nothing more, and is ended', async () => {
  await start(undefined, 8 << 20)
  const { socket } = await watch()
  socket.pause()
  const closed = once(socket, 'close')
  let before = 0
  while (made > before) {
    before = made
    clock.advance(1000)
    // The overview that was asked for is sent.
    await new Promise(setImmediate)
  }
  expect(made).toBeGreaterThanOrEqual(10)
  socket.resume()
  await closed
})

it('the page of another origin may not watch, nor one that has bound a name to this port', async () => {
  await start()
  expect(await refusal({ origin: 'http://evil.example' })).toBe(403)
  expect(await refusal({ host: 'evil.example', origin: 'http://evil.example' })).toBe(421)
  expect(await refusal({}, [], '/metrics')).toBe(404)
  await watch({ origin: `http://127.0.0.1:${port}` })
})

it('where there is a token, it is a subprotocol or the header of the watcher, and the page is for everybody', async () => {
  await start(TOKEN)
  const bearer = (token: string) => `ringcast.bearer.${Buffer.from(token).toString('base64url')}`
  expect(await refusal()).toBe(401)
  expect(await refusal({}, [OVERVIEW_SUBPROTOCOL, bearer('wrong')])).toBe(401)
  const { socket } = await watch({}, [OVERVIEW_SUBPROTOCOL, bearer(TOKEN)])
  expect(socket.protocol).toBe(OVERVIEW_SUBPROTOCOL)
  await watch({ authorization: `Bearer ${TOKEN}` })
  const page = await fetch(`http://127.0.0.1:${port}/`)
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  expect((await fetch(`http://127.0.0.1:${port}/overview`)).status).toBe(401)
})

it('the page is not for one that has bound a name to this port', async () => {
  await start()
  const outgoing = request({ host: '127.0.0.1', port, headers: { host: 'evil.example' } }).end()
  const [response] = await once(outgoing, 'response')
  response.resume()
  expect(response.statusCode).toBe(421)
})

it('a probe that offers HTTP/2 gets its answer by HTTP/1.1', async () => {
  await start()
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' }
  const outgoing = request({ host: '127.0.0.1', port, path: '/livez', headers }).end()
  const [response] = await once(outgoing, 'response')
  let body = ''
  for await (const chunk of response) body += chunk
  expect([response.statusCode, body]).toEqual([200, '{"live":true,"checks":{}}\n'])
})

it('closing the server ends those who watch', async () => {
  await start()
  const { socket } = await watch()
  const closed = once(socket, 'close')
  await server.close()
  const [code] = await closed
  expect(code).toBe(1001)
})
