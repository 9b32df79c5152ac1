import { ServerCredentials } from '@grpc/grpc-js'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { MessageForm } from '../../../src/ingest/tick-sink.js'
import { type GrpcMethod, GrpcSource, type GrpcSourceOptions } from '../../../src/sources/grpc/grpc-source.js'
import { findMethod } from '../../../src/sources/schema/feed-method.js'
import { encodeRequest } from '../../../src/sources/schema/request-json.js'
import { loadTypesFile } from '../../../src/sources/schema/types-file.js'
import { AcmeFeed, type AcmeFeedOptions } from '../../support/acme-feed.js'
import { TestFolder } from '../../support/acme-proto.js'
import { CertificateAuthority } from '../../support/certificates.js'
import { FakeClock } from '../../support/fake-clock.js'
import { Watched } from '../../support/watched.js'

/** Keeps the messages as they came. */
class MessageSink extends Watched {
  readonly messages: { bytes: Buffer; form: MessageForm }[] = []
  readonly sessions: boolean[] = []
  positionsAsked = 0

  push(message: Uint8Array, form: MessageForm): void {
    this.messages.push({ bytes: Buffer.from(message), form })
    this.changed()
  }

  sessionStarted({ continuous }: { continuous: boolean }): void {
    this.sessions.push(continuous)
    this.changed()
  }

  setSourceState(): void {}

  lose(): void {}

  lastPosition(): number {
    this.positionsAsked++
    return 0
  }
}

const folder = new TestFolder()
const types = loadTypesFile(folder.writeAcme())
let feed: AcmeFeed
let source: GrpcSource | undefined

afterEach(async () => {
  await source?.stop()
  await feed?.stop()
})
afterAll(() => folder.remove())

function methodNamed(name: string, form: MessageForm, json: unknown = {}): GrpcMethod {
  const method = findMethod(types, `acme.md.MarketData/${name}`)
  if (typeof method === 'string') throw new Error(method)
  return { path: method.path, request: encodeRequest(method.request, json), form }
}

async function start(
  options: Omit<GrpcSourceOptions, 'target'>,
  feedOptions: AcmeFeedOptions = {},
): Promise<{ sink: MessageSink; source: GrpcSource; clock: FakeClock }> {
  feed = new AcmeFeed({ reflection: false, ...feedOptions })
  await feed.start()
  const sink = new MessageSink()
  const clock = new FakeClock()
  source = new GrpcSource({ target: feed.target, clock, random: () => 0.5, ...options })
  source.start(sink)
  return { sink, source, clock }
}

describe('a method of another schema', () => {
  it('is called with its request and the metadata, and its messages stay bytes', async () => {
    const method = methodNamed('Subscribe', 'tick', { symbols: ['A'], fromSequence: '7', venue: 'NEW_YORK' })
    const metadata = { authorization: 'Bearer x', 'trace-bin': 'AAE=' }
    const { sink } = await start({ method, metadata })
    const call = await feed.call(1)
    expect(call).toMatchObject({
      method: 'Subscribe',
      request: { symbols: ['A'], from_sequence: '7', venue: 'NEW_YORK' },
    })
    expect(call.metadata.get('authorization')).toEqual(['Bearer x'])
    expect(call.metadata.get('trace-bin')).toEqual([Buffer.from([0, 1])])
    call.send({ ticker: 'A', price: 2 })
    await sink.until(() => sink.messages.length === 1)
    const [{ bytes, form }] = sink.messages as [(typeof sink.messages)[0]]
    expect(form).toBe('tick')
    const update = types.lookupType('acme.md.Update')
    expect(update.toObject(update.decode(bytes))).toEqual({ ticker: 'A', price: 2 })
  })

  it('may send batches', async () => {
    const { sink } = await start({ method: methodNamed('SubscribeBatches', 'batch') })
    const call = await feed.call(1)
    call.send({ updates: [{ ticker: 'A' }, { ticker: 'B' }] })
    await sink.until(() => sink.messages.length === 1)
    expect(sink.messages[0]!.form).toBe('batch')
  })

  it('is called again after a failure with the same request, and without a position', async () => {
    const { sink, clock } = await start({ method: methodNamed('Subscribe', 'tick', { symbols: ['A'] }) })
    const first = await feed.call(1)
    first.send({ ticker: 'A' })
    await sink.until(() => sink.messages.length === 1)
    first.end()
    await clock.until(() => clock.timerCount > 0)
    clock.advance(60_000)
    const second = await feed.call(2)
    expect(second.request).toEqual({ symbols: ['A'] })
    await sink.until(() => sink.sessions.length === 2)
    expect(sink.sessions).toEqual([false, false])
    expect(sink.positionsAsked).toBe(0)
  })

  it('is the only one that is called when the feed lacks it', async () => {
    const { source, clock } = await start(
      { method: methodNamed('Subscribe', 'tick') },
      { methods: ['SubscribeBatches'] },
    )
    await clock.until(() => clock.timerCount > 0)
    expect(source.status().lastError).toContain('UNIMPLEMENTED')
    expect(feed.calls).toEqual([])
  })
})

describe('mutual TLS', () => {
  const authority = new CertificateAuthority(folder.path)
  const { ca } = authority
  const server = authority.issue('feed.example')
  const client = authority.issue('gateway.example')
  const credentials = () =>
    ServerCredentials.createSsl(ca.cert, [{ private_key: server.key, cert_chain: server.cert }], true)
  const method = methodNamed('Subscribe', 'tick')

  it('shows the certificate of the gateway, and expects the name that was given', async () => {
    const tls = { ca: ca.cert, cert: client.cert, key: client.key, serverName: 'feed.example' }
    const { sink } = await start({ method, tls }, { credentials: credentials() })
    await sink.until(() => sink.sessions.length === 1)
  })

  it.each([
    ['without a certificate', { ca: ca.cert, serverName: 'feed.example' }, /UNAVAILABLE/],
    [
      'with another name',
      { ca: ca.cert, cert: client.cert, key: client.key },
      /UNAVAILABLE.*(localhost|altnames|does not match)/,
    ],
    [
      'with an authority that did not sign',
      { cert: client.cert, key: client.key, serverName: 'feed.example' },
      /UNAVAILABLE.*(certificate|issuer|signed)/,
    ],
  ])('fails %s', async (_name, tls, reason) => {
    const { source, clock } = await start({ method, tls }, { credentials: credentials() })
    await clock.until(() => clock.timerCount > 0)
    expect(source.status().lastError).toMatch(reason)
  })
})

it('reads a request in JSON with either name of a field', () => {
  const type = types.lookupType('acme.md.SubscribeRequest')
  const both = [{ from_sequence: 5 }, { fromSequence: '5' }].map(json => encodeRequest(type, json))
  expect(both[0]).toEqual(both[1])
  expect(() => encodeRequest(type, { symbol: 'A' })).toThrow('symbol')
  expect(() => encodeRequest(type, { symbols: 'A' })).toThrow('expected array')
})
