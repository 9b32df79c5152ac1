/** What is read again from a feed, over real calls, without a thread of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { feedHistory } from '../../../src/sources/grpc/feed-history.js'
import type { StreamRequest } from '../../../src/sources/grpc/feed-messages.js'
import { GrpcHistory, type GrpcHistoryOptions } from '../../../src/sources/grpc/grpc-history.js'
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
} from '../../../src/sources/grpc/grpc-js.js'
import type { GrpcSourceOptions } from '../../../src/sources/grpc/grpc-options.js'
import { EPOCH_METADATA_KEY, tickFeedService } from '../../../src/sources/grpc/tick-feed-service.js'
import { marketCodecOf } from '../../../src/ticks/market-codec.js'
import type { HistoryReading } from '../../../src/ticks/stream-history.js'
import { CertificateAuthority } from '../../support/certificates.js'
import { FakeClock } from '../../support/fake-clock.js'
import { encodeTick, encodeTickBatch } from '../../support/proto-messages.js'
import { type ScriptedCall, ScriptedFeed, ticksAt, UNAVAILABLE } from '../../support/scripted-feed.js'

const OUT_OF_RANGE = 11
const after = { epoch: 'run', offset: 40 }
const never = new AbortController().signal

let feeds: ScriptedFeed[]
let clock: FakeClock
let histories: GrpcHistory[]

beforeEach(async () => {
  clock = new FakeClock()
  histories = []
  feeds = [new ScriptedFeed(), new ScriptedFeed()]
  for (const feed of feeds) await feed.start()
})

afterEach(async () => {
  for (const history of histories) await history.close()
  for (const feed of feeds) await feed.stop()
})

/** As a thread gets it. */
function historyOf(...endpoints: GrpcSourceOptions[]): GrpcHistory {
  const options = structuredClone(feedHistory(endpoints)!.options) as GrpcHistoryOptions
  const history = new GrpcHistory(options, marketCodecOf(1024), clock)
  histories.push(history)
  return history
}

const first = () => historyOf({ target: feeds[0]!.target })
const both = () => historyOf(...feeds.map(({ target }) => ({ target })))

/** The records of the reading in short. */
async function taken(reading: HistoryReading): Promise<string[]> {
  const { records } = await reading.next()
  return records.map(record => {
    if (record.kind === 'ticks') return `${record.epoch}:${record.offset}+${record.count}`
    return `${record.reason} ${record.from}-${record.to} ${record.missed}`
  })
}

describe('one endpoint', () => {
  it('is asked for the position behind the place', async () => {
    const opening = first().open({ after }, never)
    const call = await feeds[0]!.call(1)
    expect(call.request).toEqual({ symbols: [], fromPosition: 41 })
    call.open('run')
    const reading = (await opening)!
    expect(reading).toMatchObject({ start: after, isWhole: true })
    call.send(ticksAt(41, 42, 45))
    expect(await taken(reading)).toEqual(['run:41+2', 'upstream 43-44 2', 'run:45+1'])
    // The feed is quiet.
    const next = reading.next()
    clock.advance(1_000)
    expect(await next).toEqual({ records: [], isAtEnd: true })
  })

  it('knows no times', async () => {
    expect(await first().open({ sinceUs: 1 }, never)).toBeUndefined()
    expect(feeds[0]!.connectionCount).toBe(0)
  })

  it.each([
    ['names another epoch', (call: ScriptedCall) => call.open('other')],
    ['names none', (call: ScriptedCall) => call.open()],
    ['says that it does not hold the position', (call: ScriptedCall) => call.end(OUT_OF_RANGE)],
  ] as const)('has nothing when it %s', async (_name, reply) => {
    const opening = first().open({ after }, never)
    reply(await feeds[0]!.call(1))
    expect(await opening).toBeUndefined()
    await feeds[0]!.until(() => feeds[0]!.sessions.size === 0)
  })

  it('is given up when it does not reply, and its call is ended', async () => {
    const opening = expect(first().open({ after }, never)).rejects.toThrow('has not replied within 3000 ms')
    await feeds[0]!.call(1)
    clock.advance(3_000)
    await opening
    await feeds[0]!.until(() => feeds[0]!.sessions.size === 0)
    expect(clock.timerCount).toBe(0)
  })

  it('is left at once when nobody needs the reading any more, opened or not', async () => {
    const history = first()
    const ending = new AbortController()
    const opening = expect(history.open({ after }, ending.signal)).rejects.toThrow('aborted')
    const call = await feeds[0]!.call(1)
    ending.abort()
    await opening
    await feeds[0]!.until(() => call.stream.destroyed)
    const again = history.open({ after }, never)
    const second = await feeds[0]!.call(2)
    second.open('run')
    const reading = (await again)!
    await history.close()
    await expect(reading.next()).rejects.toThrow('closed')
    await feeds[0]!.until(() => second.stream.destroyed)
  })

  it('gives what came before it failed, and then why it failed', async () => {
    const opening = first().open({ after }, never)
    const call = await feeds[0]!.call(1)
    call.open('run')
    const reading = (await opening)!
    call.send(ticksAt(41))
    expect(await taken(reading)).toEqual(['run:41+1'])
    const failure = expect(reading.next()).rejects.toThrow('UNAVAILABLE: gone')
    call.end(UNAVAILABLE, 'gone')
    await failure
  })

  it.each([
    ['goes back', [41, 42, 30], ['run:41+2']],
    ['begins further back than the contract allows', [1], []],
    ['has none', [0], []],
  ])('cannot be read on when its count %s', async (_name, positions, records) => {
    const opening = first().open({ after: { epoch: 'run', offset: records.length > 0 ? 40 : 70_000 } }, never)
    const call = await feeds[0]!.call(1)
    call.open('run')
    const reading = (await opening)!
    call.send(ticksAt(...positions))
    if (records.length > 0) expect(await taken(reading)).toEqual(records)
    await expect(reading.next()).rejects.toThrow('broken its count')
    await feeds[0]!.until(() => call.stream.destroyed)
  })

  it('tells what is missing from the first position on, too', async () => {
    const opening = first().open({ after: { epoch: 'run', offset: 0 } }, never)
    const call = await feeds[0]!.call(1)
    call.open('run')
    const reading = (await opening)!
    call.sendBytes(Buffer.concat([Uint8Array.of(0x0a, 1, 0), encodeTickBatch({ ticks: ticksAt(8) })]))
    expect(await taken(reading)).toEqual(['malformed 1-0 1', 'resume 1-7 6', 'run:8+1'])
  })

  it('waits while its records are not taken', async () => {
    const opening = first().open({ after }, never)
    const call = await feeds[0]!.call(1)
    call.open('run')
    const reading = (await opening)!
    const batches = 400
    const padding = Buffer.concat([Uint8Array.of(0x7a, 0x84, 0x07), Buffer.alloc(900)])
    const tick = Buffer.concat([encodeTick({ symbol: 'A', kind: 1 }), padding])
    const field = Buffer.concat([Uint8Array.of(0x0a, 0x80 | (tick.length & 0x7f), tick.length >> 7), tick])
    const fields = Buffer.concat(Array.from({ length: 20 }, () => field))
    for (let index = 0; index < batches; index++)
      call.sendBytes(Buffer.concat([encodeTickBatch({ firstPosition: 41 + index * 20, ticks: [] }), fields]))
    let ticks = 0
    const take = async () => {
      const { records } = await reading.next()
      const bytes = records.reduce((sum, each) => sum + (each.kind === 'ticks' ? each.data.length : 0), 0)
      expect(bytes).toBeLessThan(1.2 * 1024 * 1024)
      for (const each of records) if (each.kind === 'ticks') ticks += each.count
    }
    await take()
    // 8 MB are more than a reading, a window and the sockets hold.
    expect(call.sentCount).toBeLessThan(batches)
    while (ticks < batches * 20) await take()
    expect(call.sentCount).toBe(batches)
  })
})

describe('several endpoints', () => {
  it('are asked one after the other, and the one that replied first next time', async () => {
    await feeds[0]!.stop()
    const history = both()
    for (const number of [1, 2]) {
      const opening = history.open({ after }, never)
      const call = await feeds[1]!.call(number)
      call.open('run')
      expect(await opening).toBeDefined()
      if (number === 1) await feeds[0]!.start()
    }
    expect(feeds[0]!.connectionCount).toBe(0)
  })

  it('have nothing when each names another epoch', async () => {
    const opening = both().open({ after }, never)
    for (const feed of feeds) (await feed.call(1)).open('other')
    expect(await opening).toBeUndefined()
  })

  it('are asked again where one could not be asked', async () => {
    await feeds[1]!.stop()
    const opening = expect(both().open({ after }, never)).rejects.toThrow('UNAVAILABLE')
    ;(await feeds[0]!.call(1)).open('other')
    await opening
  })
})

it('a feed is read again over TLS, with the certificate of the client', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-tls-'))
  const authority = new CertificateAuthority(folder)
  const own = authority.issue('feed.example')
  const client = authority.issue('client')
  const server = new Server()
  const metadata = new Metadata()
  metadata.set(EPOCH_METADATA_KEY, 'run')
  const serve = (call: ServerWritableStream<StreamRequest, Buffer>) => {
    call.sendMetadata(metadata)
    call.write(Buffer.from(encodeTick(ticksAt(41)[0]!)))
  }
  server.addService({ Stream: tickFeedService.Stream }, { Stream: serve })
  const { ca } = authority
  const credentials = ServerCredentials.createSsl(
    ca.cert,
    [{ private_key: own.key, cert_chain: own.cert }],
    true,
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound))),
  )
  try {
    const tls = { ca: ca.cert, cert: client.cert, key: client.key, serverName: 'feed.example' }
    const reading = await historyOf({ target: `127.0.0.1:${port}`, tls }).open({ after }, never)
    expect(await taken(reading!)).toEqual(['run:41+1'])
    reading!.close()
  } finally {
    server.forceShutdown()
    rmSync(folder, { recursive: true })
  }
})
