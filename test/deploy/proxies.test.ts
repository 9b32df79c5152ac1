/** A client through the proxies of deploy/, over TLS. With `--mode long` it is silent for longer than proxies like. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Certificate, CertificateAuthority } from '../support/certificates.js'
import { TestClient } from '../support/handler-server.js'
import { freePort, PROXIES, type ProxyTarget, runProxy, runToEnd } from '../support/proxies.js'
import { Ringcast } from '../support/ringcast-process.js'

const IDLE_MS = 75_000

let folder: string
let ca: Certificate
let target: ProxyTarget
let gateway: Ringcast

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringcast-proxy-'))
  const authority = new CertificateAuthority(folder)
  ca = authority.ca
  const certificate = authority.issue('localhost')
  gateway = new Ringcast(['--host=127.0.0.1', '--feed-rate=100'])
  const { adminUrl, webSocketUrl } = await gateway.streaming()
  const [clientPort, adminPort] = [webSocketUrl, adminUrl].map(url => Number(new URL(url).port))
  target = { clientPort: clientPort!, adminPort: adminPort!, folder, certificate }
})

afterAll(async () => {
  await gateway.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

describe.each(PROXIES)('behind $name', ({ check, command, missing }) => {
  let proxy: ChildProcess | undefined
  const clients: TestClient[] = []

  afterAll(async () => {
    for (const client of clients) client.socket.terminate()
    if (proxy === undefined) return
    proxy.kill('SIGTERM')
    if (proxy.exitCode === null) await once(proxy, 'exit')
  })

  it.skipIf(missing !== undefined)(
    'a client gets its ticks over TLS, also after a long silence',
    async () => {
      const port = await freePort()
      const words = command(target, port)
      expect(runToEnd(check(words))).toMatchObject({ code: 0 })
      proxy = runProxy(words)

      const connect = async (query: string): Promise<TestClient> => {
        for (;;) {
          const client = new TestClient(`wss://localhost:${port}/ws/ticks${query}`, [], { ca: ca.cert })
          clients.push(client)
          await client.until(() => client.messages.length > 0 || client.closed !== undefined)
          if (client.closed === undefined) return client
          // The proxy does not listen yet, or has not asked whether the gateway is ready.
          await setTimeout(50)
        }
      }
      const busy = await connect('')
      await busy.until(() => busy.ticks.length > 50)
      // The feed has no such symbol.
      const silent = await connect('?symbols=NOTHING')
      if (inject('isLong')) {
        await setTimeout(IDLE_MS)
        expect(silent.closed).toBeUndefined()
        expect(silent.pings).toBeGreaterThanOrEqual(2)
      }
      silent.socket.send('{"type":"subscribe","id":1,"symbols":["SYM0001"]}')
      await silent.until(() => silent.ticks.length > 0)
      expect(busy.closed).toBeUndefined()
    },
  )
})
