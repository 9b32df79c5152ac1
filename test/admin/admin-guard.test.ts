import { request } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { AdminGuard } from '../../src/admin/admin-guard.js'
import { AdminServer } from '../../src/admin/admin-server.js'
import type { AdminView } from '../../src/admin/admin-view.js'
import { systemClock } from '../../src/common/clock.js'
import { silentLog } from '../../src/common/log.js'

const TOKEN = 'a-token-of-a-test'
const BEARER = { authorization: `Bearer ${TOKEN}` }

let server: AdminServer
let drains = 0

afterEach(() => server.close())

const VIEW: AdminView = {
  metrics: () => ({ secret: 1 }),
  prometheus: async () => 'secret 1',
  liveness: () => ({ live: true, checks: { lanes: 'secret' } }),
  checkNames: ['upstream'],
  readiness: () => ({ ready: false, checks: { upstream: 'secret' } }),
  details: () => ({ secret: 1 }),
  clients: { list: async () => [], close: async () => true },
  overview: async () => undefined,
  drain: () => {
    drains++
  },
}

/** @param host that the guard is told: the server itself listens on the loopback in any case */
async function start(host: string, token?: string, names: readonly string[] = []): Promise<number> {
  const guard = new AdminGuard({ host, names, token: () => token })
  server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    view: VIEW,
    guard,
    clock: systemClock,
    log: silentLog,
  })
  return (await server.listen()).port
}

interface Answer {
  readonly status: number
  readonly headers: object
  readonly body: string
}

function ask(
  port: number,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers }, async response => {
      let body = ''
      for await (const chunk of response) body += chunk
      resolve({ status: response.statusCode!, headers: response.headers, body })
    })
    outgoing.on('error', reject).end()
  })
}

describe('on the loopback', () => {
  it.each(['localhost', 'LOCALHOST:9090', '127.0.0.1:9090', '[::1]:9090', '10.0.0.1', 'admin.example:1'])(
    'whoever calls the port %s is told all',
    async host => {
      const port = await start('127.0.0.1', undefined, ['admin.example'])
      expect(await ask(port, '/metrics.json', { host })).toMatchObject({ status: 200 })
      expect(await ask(port, '/readyz?verbose', { host })).toMatchObject({ status: 503, body: /secret/ })
    },
  )

  it.each(['evil.example', 'localhost.evil.example:9090', '127.0.0.1.evil.example', 'admin'])(
    'a page that has bound the name %s to it is told nothing, and can do nothing',
    async host => {
      const port = await start('127.0.0.1')
      for (const [path, method] of [
        ['/metrics', 'GET'],
        ['/metrics.json', 'GET'],
        ['/clients', 'GET'],
        ['/clients/a', 'DELETE'],
        ['/drain', 'POST'],
        ['/nowhere', 'GET'],
      ] as const)
        expect(await ask(port, path, { host, origin: `http://${host}` }, method)).toMatchObject({
          status: 421,
        })
      expect(await ask(port, '/readyz?verbose', { host })).toMatchObject({ body: '{"ready":false}\n' })
      expect(drains).toBe(0)
    },
  )

  it('a token is asked for where there is one', async () => {
    const port = await start('127.0.0.1', TOKEN)
    expect(await ask(port, '/metrics')).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer' },
    })
    expect(await ask(port, '/metrics', BEARER)).toMatchObject({ status: 200, body: 'secret 1' })
    expect(await ask(port, '/metrics', { ...BEARER, host: 'any.example' })).toMatchObject({ status: 200 })
  })
})

describe('beyond the loopback', () => {
  it('the status of health checks is told, and nothing else without the token', async () => {
    const port = await start('0.0.0.0', TOKEN)
    expect(await ask(port, '/livez')).toMatchObject({ status: 200, body: '{"live":true}\n' })
    expect(await ask(port, '/readyz?exclude=upstream')).toMatchObject({
      status: 503,
      body: '{"ready":false}\n',
    })
    expect(await ask(port, '/readyz?verbose', BEARER)).toMatchObject({ status: 503, body: /details/ })
    for (const authorization of ['', 'Bearer', `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, TOKEN])
      expect(await ask(port, '/clients', { authorization })).toMatchObject({ status: 401 })
    // A wrong token is told so, also by a health check.
    expect(await ask(port, '/readyz', { authorization: 'Bearer wrong' })).toMatchObject({ status: 401 })
    expect(await ask(port, '/drain', BEARER, 'POST')).toMatchObject({ status: 202 })
    expect(drains).toBe(1)
  })

  it('nothing else is told where there is no token', async () => {
    const port = await start('0.0.0.0')
    expect(await ask(port, '/readyz')).toMatchObject({ status: 503, body: '{"ready":false}\n' })
    expect(await ask(port, '/metrics')).toMatchObject({ status: 403, body: /RINGCAST_ADMIN_TOKEN_FILE/ })
  })
})
