import type { Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ADMIN_CONNECTIONS_MAX, AdminServer, type AdminServerOptions } from '../../src/admin/admin-server.js'
import type { AdminView } from '../../src/admin/admin-view.js'
import { systemClock } from '../../src/common/clock.js'
import { silentLog } from '../../src/common/log.js'
import { dial, untilEnd } from '../support/raw-sockets.js'

const VIEW: AdminView = {
  metrics: () => ({ clients: 3 }),
  prometheus: async () => 'ringcast_ready 1\n',
  liveness: () => ({ live: true, checks: { eventLoop: 'ok' } }),
  checkNames: ['feed', 'lanes'],
  readiness: () => ({ ready: true, checks: { feed: 'ok', lanes: 'ok' } }),
  details: () => ({ clients: 3 }),
  clients: undefined,
  overview: async () => undefined,
  drain: () => {},
}

const OPTIONS: AdminServerOptions = {
  host: '127.0.0.1',
  port: 0,
  view: VIEW,
  clock: systemClock,
  log: silentLog,
}

const servers: AdminServer[] = []
const sockets: Socket[] = []

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map(server => server.close()))
})

async function open(view: Partial<AdminView> = {}, options: Partial<AdminServerOptions> = {}) {
  const server = new AdminServer({ ...OPTIONS, view: { ...VIEW, ...view }, ...options })
  servers.push(server)
  const { host, port } = await server.listen()
  return { server, port, url: `http://${host}:${port}` }
}

async function dialled(port: number): Promise<Socket> {
  const socket = await dial(port)
  sockets.push(socket)
  return socket
}

describe('the admin server', () => {
  it.each([
    [true, 200],
    [false, 503],
  ])('says by status whether the process is live: %s', async (live, status) => {
    const checks = { eventLoop: live ? 'ok' : 'late' }
    const { url } = await open({ liveness: () => ({ live, checks }) })
    const response = await fetch(`${url}/livez`)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ live, checks })
  })

  it.each([
    [true, 200],
    [false, 503],
  ])('says by status whether the gateway is ready, with every check: %s', async (ready, status) => {
    const checks = { feed: ready ? 'ok' : 'connecting' }
    const { url } = await open({ readiness: () => ({ ready, checks }) })
    const response = await fetch(`${url}/readyz`)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ ready, checks })
    const verbose = await fetch(`${url}/readyz?verbose`)
    expect(verbose.status).toBe(status)
    expect(await verbose.json()).toEqual({ ready, checks, details: { clients: 3 } })
  })

  it('leaves checks out that the request excludes, and refuses names that it does not know', async () => {
    const seen: string[][] = []
    const { url } = await open({
      readiness: excluded => {
        seen.push([...excluded])
        return { ready: true, checks: {} }
      },
    })
    expect((await fetch(`${url}/readyz?exclude=feed&exclude=lanes`)).status).toBe(200)
    expect((await fetch(`${url}/readyz?exclude=feed,lanes`)).status).toBe(200)
    expect(seen).toEqual([
      ['feed', 'lanes'],
      ['feed', 'lanes'],
    ])
    for (const query of ['exclude=fed', 'exlude=feed'])
      expect((await fetch(`${url}/readyz?${query}`)).status).toBe(400)
  })

  it('gives Prometheus its own format', async () => {
    const { url } = await open()
    const response = await fetch(`${url}/metrics`)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await response.text()).toBe('ringcast_ready 1\n')
  })

  it('lists clients as asked for, closes one, and says what is wrong with a query', async () => {
    const queries: unknown[] = []
    const closed: string[] = []
    const { url } = await open({
      clients: {
        async list(query) {
          queries.push(query)
          return []
        },
        async close(id) {
          closed.push(id)
          return id === 'k3_-9'
        },
      },
    })
    expect(await (await fetch(`${url}/clients`)).json()).toEqual({ clients: [] })
    await fetch(`${url}/clients?sort=gaps&limit=1000`)
    expect(queries).toEqual([
      { sort: 'lag', limit: 20 },
      { sort: 'gaps', limit: 1000 },
    ])
    for (const query of ['sort=name', 'limit=0', 'limit=1001', 'limit=1e2', 'limit=', 'by=lag']) {
      const response = await fetch(`${url}/clients?${query}`)
      expect([query, response.status]).toEqual([query, 400])
      expect(((await response.json()) as { message: string }).message).toMatch(/must be|there are/)
    }
    const statusOf = async (id: string) => (await fetch(`${url}/clients/${id}`, { method: 'DELETE' })).status
    expect([
      await statusOf('k3_-9'),
      await statusOf('other'),
      await statusOf('a/b'),
      await statusOf(''),
    ]).toEqual([202, 404, 404, 404])
    expect(closed).toEqual(['k3_-9', 'other'])
  })

  it('has no clients in a process without', async () => {
    const { url } = await open()
    expect((await fetch(`${url}/clients`)).status).toBe(404)
    expect((await fetch(`${url}/clients/a`, { method: 'DELETE' })).status).toBe(404)
  })

  it('drains when it is asked to, and not when a page of another origin asks', async () => {
    let drains = 0
    const { url } = await open({ drain: () => drains++ })
    const ask = async (headers: Record<string, string>) =>
      (await fetch(`${url}/drain`, { method: 'POST', headers })).status
    expect([await ask({ origin: 'http://evil.example' }), await ask({ origin: 'null' })]).toEqual([403, 403])
    expect(drains).toBe(0)
    expect([await ask({}), await ask({ origin: url })]).toEqual([202, 202])
    expect(drains).toBe(2)
    expect((await fetch(`${url}/drain`)).status).toBe(405)
  })

  it('reads the metrics with each request and forbids caches', async () => {
    let scrapes = 0
    const { url } = await open({ metrics: () => ({ scrapes: ++scrapes }) })
    for (const expected of [1, 2]) {
      const response = await fetch(`${url}/metrics.json`)
      expect(await response.json()).toEqual({ scrapes: expected })
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(response.headers.get('content-type')).toBe('application/json')
    }
  })

  it('responds to HEAD as to GET, without the body', async () => {
    const { url } = await open()
    const response = await fetch(`${url}/livez`, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-length')).toBe(
      String('{"live":true,"checks":{"eventLoop":"ok"}}\n'.length),
    )
    expect(await response.text()).toBe('')
  })

  it('lists its paths when a path is unknown', async () => {
    const { url } = await open()
    for (const path of ['/', '/metrics.json/', '/livez/../readyz2', '//livez']) {
      const response = await fetch(`${url}${path}`)
      expect(response.status).toBe(404)
      expect(await response.json()).toEqual({
        error: 'not_found',
        paths: [
          '/livez',
          '/readyz',
          '/metrics',
          '/metrics.json',
          '/overview',
          '/clients',
          '/clients/<id>',
          '/drain',
        ],
      })
    }
  })

  it('refuses other methods and does not wait for their bodies', async () => {
    const { url, port } = await open()
    const response = await fetch(`${url}/livez`, { method: 'DELETE' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
    const socket = await dialled(port)
    socket.write('POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\nx')
    expect(await untilEnd(socket)).toMatch(/^HTTP\/1.1 405 [\s\S]*Connection: close/)
  })

  it('responds 500 when the view fails and logs the error', async () => {
    const errors: object[] = []
    const log = { ...silentLog, error: (details: object) => void errors.push(details) }
    const failure = new Error('no counters')
    const { url } = await open(
      {
        metrics() {
          throw failure
        },
        liveness: () => ({ live: true, checks: { eventLoop: 1n as unknown as string } }),
      },
      { log },
    )
    expect((await fetch(`${url}/metrics.json`)).status).toBe(500)
    expect(errors).toEqual([{ err: failure, path: '"/metrics.json"' }])
    expect((await fetch(`${url}/livez`)).status).toBe(500)
  })

  it('accepts a target in absolute form and no other way to write a path', async () => {
    const { port } = await open()
    const statusOf = async (target: string) => {
      const socket = await dial(port)
      socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
      return (await untilEnd(socket)).slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
    }
    expect(await statusOf('http://a:9090/livez?x')).toBe('200')
    for (const target of ['/x/../livez', '/%6civez', '/livez#x', '/\\livez', 'ftp://a/livez', '*'])
      expect(await statusOf(target)).toBe('404')
  })

  it('refuses a request with very long headers', async () => {
    const { port } = await open()
    const socket = await dialled(port)
    socket.write(`GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`)
    expect(await untilEnd(socket)).toMatch(/^HTTP\/1.1 431 /)
  })

  it.each([
    ['nothing', ''],
    ['half a request', 'GET /livez HT'],
  ])('responds to others while one caller holds all connections and sends %s', async (_, sent) => {
    const { url, port } = await open()
    const ended = untilEnd(await dialled(port))
    for (let count = 1; count < ADMIN_CONNECTIONS_MAX; count++) (await dialled(port)).write(sent)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    // The newest connection has ended the oldest.
    expect(await ended).toBe('')
  })

  it.each([
    ['nothing', []],
    ['byte by byte', [...'GET /livez HTTP/1.1']],
  ])('ends a connection that sends no whole request in time: %s', async (_, bytes) => {
    const { port } = await open({}, { requestTimeoutMs: 100 })
    const socket = await dialled(port)
    const ended = untilEnd(socket)
    for (const byte of bytes) {
      socket.write(byte)
      await new Promise(setImmediate)
    }
    expect(await ended).toMatch(/^HTTP\/1.1 408 /)
  })

  it('ends every connection when it closes, also in the middle of a request', async () => {
    const { server, url, port } = await open()
    await fetch(`${url}/livez`)
    const socket = await dialled(port)
    socket.write('GET /livez HT')
    const ended = untilEnd(socket)
    await server.close()
    await ended
    await expect(fetch(`${url}/livez`)).rejects.toThrow()
    await server.close()
  })

  it('closes without having listened', async () => {
    await new AdminServer(OPTIONS).close()
  })

  it('names the setting to change when the port is taken, and can be closed', async () => {
    const { port } = await open()
    const second = new AdminServer({ ...OPTIONS, port })
    await expect(second.listen()).rejects.toMatchObject({
      code: 'listen_failed',
      message: expect.stringMatching(new RegExp(`127.0.0.1:${port}: .*RINGCAST_ADMIN_PORT`)),
      cause: { code: 'EADDRINUSE' },
    })
    await second.close()
  })

  it('names the setting to change when the machine does not have the address', async () => {
    const server = new AdminServer({ ...OPTIONS, host: '192.0.2.1' })
    await expect(server.listen()).rejects.toMatchObject({
      code: 'listen_failed',
      message: expect.stringContaining('this machine has no such address: change RINGCAST_ADMIN_HOST'),
    })
  })
})
