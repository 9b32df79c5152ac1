import { copyFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { openServerCertificate } from '../../src/app/server-certificate.js'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { ClientServer, type TlsServerFiles } from '../../src/clients/client-server.js'
import { silentLog } from '../../src/common/log.js'
import { type Certificate, CertificateAuthority } from '../support/certificates.js'
import { FakeClock } from '../support/fake-clock.js'
import { quote, SMALL } from '../support/handler-server.js'
import { Watched } from '../support/watched.js'

let folder: string
let authority: CertificateAuthority
let first: Certificate
let second: Certificate
let trader: Certificate
let stranger: Certificate

const endings: (() => Promise<void> | void)[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringcast-tls-'))
  authority = new CertificateAuthority(folder)
  first = authority.issue('localhost')
  trader = authority.issue('trader')
  const others = mkdtempSync(join(folder, 'others-'))
  stranger = new CertificateAuthority(others).issue('stranger')
  const later = mkdtempSync(join(folder, 'later-'))
  copyFileSync(authority.ca.certPath, join(later, 'ca.crt'))
  second = new CertificateAuthority(later).issue('localhost')
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})

async function serve(tls: TlsServerFiles, requestTimeoutMs?: number) {
  const handler = new StreamHandler(SMALL)
  const server = new ClientServer({
    host: '127.0.0.1',
    port: 0,
    handleUpgrade: (request, socket, head) => handler.handleUpgrade(request, socket, head),
    pendingMax: 10,
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
    tls,
    clock: new FakeClock(),
    log: silentLog,
  })
  const { port } = await server.listen()
  endings.push(async () => {
    server.close()
    await handler.shutdown({ timeoutMs: 200 })
  })
  return { handler, server, port }
}

class Client extends Watched {
  readonly messages: { type: string; ticks?: { bid: number }[] }[] = []
  failure: string | undefined
  readonly socket: WebSocket

  constructor(port: number, options: object) {
    super()
    this.socket = new WebSocket(`wss://localhost:${port}/ws/ticks`, { ca: authority.ca.cert, ...options })
    this.socket.on('message', data => {
      this.messages.push(JSON.parse(String(data)))
      this.changed()
    })
    this.socket.on('error', error => {
      this.failure = String(error)
      this.changed()
    })
    endings.push(() => this.socket.terminate())
  }
}

function filesOf({ cert, key }: Certificate, clientCa?: Buffer): TlsServerFiles {
  return { cert, key, clientCa }
}

/** The certificate that the server shows to a new connection. */
function shownBy(port: number): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket: TLSSocket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate())
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

describe('clients over TLS', () => {
  it('get every tick in order, and are no longer pending', async () => {
    const { handler, port, server } = await serve(filesOf(first))
    const client = new Client(port, {})
    await client.until(() => client.messages.length > 0)
    expect(client.messages[0]!.type).toBe('subscribed')
    expect(server.counters().connectionsPending).toBe(0)
    for (let bid = 1; bid <= 200; bid++) handler.broadcastTick({ ...quote('A', bid), bid })
    const bids = () => client.messages.flatMap(({ ticks = [] }) => ticks.map(({ bid }) => bid))
    await client.until(() => bids().length === 200)
    expect(bids()).toEqual(Array.from({ length: 200 }, (_, index) => index + 1))
  })

  it('are refused by a status, as without TLS', async () => {
    const { port } = await serve(filesOf(first))
    const response = await new Promise<string>((resolve, reject) => {
      const socket = connectTls({ port, host: 'localhost', ca: authority.ca.cert }, () =>
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n'),
      )
      let text = ''
      socket.on('data', data => {
        text += String(data)
      })
      socket.on('end', () => resolve(text))
      socket.on('error', reject)
    })
    expect(response.match(/HTTP\/1.1 426/g)).toHaveLength(1)
  })

  it('need a certificate of the authority where the settings say so', async () => {
    const { port } = await serve(filesOf(first, authority.ca.cert))
    const known = new Client(port, { cert: trader.cert, key: trader.key })
    await known.until(() => known.messages.length > 0)
    for (const options of [{}, { cert: stranger.cert, key: stranger.key }]) {
      const refused = new Client(port, options)
      await refused.until(() => refused.failure !== undefined)
      expect(refused.messages).toEqual([])
    }
  })

  it('are served with the new certificate when its files have changed, and those before stay', async () => {
    const { handler, port, server } = await serve(filesOf(first))
    const client = new Client(port, {})
    await client.until(() => client.messages.length > 0)
    const before = await shownBy(port)
    server.setTls(filesOf(second))
    expect((await shownBy(port)).fingerprint256).not.toBe(before.fingerprint256)
    handler.broadcastTick(quote('A', 1))
    await client.until(() => client.messages.some(({ type }) => type === 'ticks'))
  })
})

describe('openServerCertificate', () => {
  async function open() {
    const clock = new FakeClock()
    const tlsCert = join(folder, 'live.crt')
    const tlsKey = join(folder, 'live.key')
    copyFileSync(first.certPath, tlsCert)
    copyFileSync(first.keyPath, tlsKey)
    const used: TlsServerFiles[] = []
    let isFailing = false
    const failNextUse = () => {
      isFailing = true
    }
    const errors: string[] = []
    const certificate = (await openServerCertificate(
      { tlsCert, tlsKey, tlsClientCa: undefined },
      {
        clock,
        log: { ...silentLog, error: (_, message) => errors.push(message) },
        use: files => {
          if (isFailing) {
            isFailing = false
            throw new Error('no')
          }
          used.push(files)
        },
      },
    ))!
    endings.push(() => certificate.close())
    return { certificate, clock, errors, failNextUse, tlsCert, tlsKey, used }
  }

  it('reads files that were put in place of others, also without an order', async () => {
    const { certificate, clock, tlsCert, tlsKey, used } = await open()
    await certificate.reload()
    expect(used).toEqual([])
    for (const [from, to] of [
      [second.certPath, tlsCert],
      [second.keyPath, tlsKey],
    ] as const) {
      copyFileSync(from, `${to}.new`)
      renameSync(`${to}.new`, to)
    }
    clock.advance(10_000)
    // The look that the clock began.
    await certificate.reload()
    expect(used.map(({ cert }) => cert)).toEqual([second.cert])
    expect(certificate.current.cert).toEqual(second.cert)
  })

  it('keeps the files from before while the new ones are wrong, and says so once', async () => {
    const { certificate, errors, tlsCert, tlsKey, used } = await open()
    writeFileSync(tlsCert, 'no certificate')
    await certificate.reload()
    await certificate.reload()
    expect(errors).toEqual([expect.stringContaining('RINGCAST_TLS_CERT, RINGCAST_TLS_KEY: must be PEM')])
    // The key alone is of another certificate.
    copyFileSync(second.certPath, tlsCert)
    await certificate.reload()
    expect(errors).toHaveLength(2)
    expect(used).toEqual([])
    copyFileSync(second.keyPath, tlsKey)
    await certificate.reload()
    expect(used).toHaveLength(1)
  })

  it('looks again for files that could not be used', async () => {
    const { certificate, tlsCert, tlsKey, used, failNextUse } = await open()
    copyFileSync(second.certPath, tlsCert)
    copyFileSync(second.keyPath, tlsKey)
    failNextUse()
    await certificate.reload()
    expect(used).toEqual([])
    await certificate.reload()
    expect(used).toHaveLength(1)
  })

  it('stops looking when it is closed', async () => {
    const { certificate, clock } = await open()
    expect(clock.timerCount).toBe(1)
    certificate.close()
    expect(clock.timerCount).toBe(0)
  })

  it.each([
    [
      'a file that is not there',
      'none.crt',
      /^RINGCAST_TLS_CERT=.*none.crt: must be a file that can be read$/,
    ],
    ['a file of another kind', 'localhost.key', /must be PEM/],
  ])('refuses %s', async (_, name, message) => {
    const settings = { tlsCert: join(folder, name), tlsKey: first.keyPath, tlsClientCa: undefined }
    const opening = openServerCertificate(settings, {
      clock: new FakeClock(),
      log: silentLog,
      use: () => {},
    })
    await expect(opening).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(message),
    })
  })
})
