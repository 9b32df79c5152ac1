/**
 * Clients behind a proxy that speaks the PROXY protocol, and connections that do not, over real sockets.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { ClientServer } from '../../src/clients/client-server.js'
import { silentLog } from '../../src/common/log.js'
import { CertificateAuthority } from '../support/certificates.js'
import { FakeClock } from '../support/fake-clock.js'
import { SMALL, TestClient } from '../support/handler-server.js'
import { freePort, PROXIES, runProxy } from '../support/proxies.js'
import { dial, untilClosed } from '../support/raw-sockets.js'
import { quote } from '../support/ticks.js'
import { until } from '../support/until.js'
import { upgradeRequest } from '../support/upgrade-request.js'

const haproxy = PROXIES.find(({ name }) => name === 'HAProxy')!
const LINE = 'PROXY TCP4 192.0.2.7 198.51.100.1 49152 443\r\n'

let handler: StreamHandler
let server: ClientServer
let clock: FakeClock
let folder: string | undefined
let proxy: ChildProcess | undefined

async function serve(proxies: readonly string[], withTls = false): Promise<number> {
  clock = new FakeClock()
  clock.advance(1)
  folder = mkdtempSync(join(tmpdir(), 'ringcast-proxy-'))
  const certificate = withTls ? new CertificateAuthority(folder).issue('localhost') : undefined
  handler = new StreamHandler(SMALL, { log: silentLog })
  server = new ClientServer({
    host: '127.0.0.1',
    port: 0,
    handleUpgrade: (...upgrade) => handler.handleUpgrade(...upgrade),
    pendingMax: 100,
    proxies,
    tls: certificate && { cert: certificate.cert, key: certificate.key, clientCa: undefined },
    clock,
    log: silentLog,
  })
  return (await server.listen()).port
}

afterEach(async () => {
  if (proxy?.kill('SIGTERM')) await once(proxy, 'exit')
  proxy = undefined
  server.close()
  await handler.shutdown({ timeoutMs: 200 })
  rmSync(folder!, { recursive: true })
})

const addresses = () => handler.getClients({ limit: 10, sort: 'age' }).map(({ address }) => address)

describe('a connection of a trusted proxy', () => {
  it('is the client that its header names, however the bytes come', async () => {
    const port = await serve(['127.0.0.1'])
    const whole = await dial(port)
    whole.write(LINE + upgradeRequest('/ws/ticks'))
    const slow = await dial(port)
    for (const byte of LINE) {
      slow.write(byte)
      await new Promise(setImmediate)
    }
    slow.write(upgradeRequest('/ws/ticks'))
    await until(() => handler.getClientCount() === 2)
    expect(addresses()).toEqual(['192.0.2.7', '192.0.2.7'])
    for (const socket of [whole, slow]) socket.destroy()
  })

  it.each([
    ['other bytes', upgradeRequest('/ws/ticks')],
    ['a wrong header', 'PROXY TCP4 nobody\r\n'],
  ])('is ended when it sends %s', async (_, sent) => {
    const port = await serve(['127.0.0.1'])
    const socket = await dial(port)
    socket.resume()
    socket.write(sent)
    await untilClosed(socket)
    expect(server.counters()).toMatchObject({ droppedProxy: 1, connectionsPending: 0 })
    expect(handler.getClientCount()).toBe(0)
  })

  it('is ended when its header does not come in time', async () => {
    const port = await serve(['127.0.0.1'])
    const socket = await dial(port)
    socket.resume()
    socket.write('PROXY ')
    await until(() => server.counters().connectionsPending === 1)
    clock.advance(10_000)
    await untilClosed(socket)
    expect(server.counters()).toMatchObject({ droppedProxy: 1, connectionsPending: 0 })
  })
})

it('a connection of anybody else is ended at once, whatever it says', async () => {
  const port = await serve(['192.0.2.1'])
  const socket = await dial(port)
  socket.resume()
  socket.write(LINE + upgradeRequest('/ws/ticks'))
  await untilClosed(socket)
  expect(server.counters()).toMatchObject({ droppedProxy: 1 })
})

describe.each(['send-proxy', 'send-proxy-v2'])('behind HAProxy with %s', word => {
  it.skipIf(haproxy.missing !== undefined).each([false, true])(
    'a client has its own address, and its ticks come; with TLS in the gateway: %s',
    async withTls => {
      const upstream = await serve(['127.0.0.1'], withTls)
      const port = await freePort()
      const path = join(folder!, 'haproxy.cfg')
      writeFileSync(
        path,
        `defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 10s\n  timeout server 10s\nlisten ws\n  bind 127.0.0.1:${port}\n  server one 127.0.0.1:${upstream} ${word}\n`,
      )
      proxy = runProxy(['haproxy', '-db', '-f', path])
      const url = `${withTls ? 'wss' : 'ws'}://127.0.0.1:${port}/ws/ticks`
      // From another address than that of the proxy.
      const options = { localAddress: '127.0.0.9', rejectUnauthorized: false }
      let client = new TestClient(url, [], options)
      for (;;) {
        const { messages } = client
        await client.until(() => messages.length > 0 || client.closed !== undefined)
        if (client.closed === undefined) break
        // The proxy does not listen yet.
        await setTimeout(50)
        client = new TestClient(url, [], options)
      }
      expect(addresses()).toEqual(['127.0.0.9'])
      handler.broadcastTick(quote('A', 1))
      await client.until(() => client.ticks.length === 1)
      client.socket.terminate()
    },
  )
})
