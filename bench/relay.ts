/**
 * Question: how fast does a relay write ticks into JetStream, and what does reading them there cost a gateway, compared
 *   with reading the feed over gRPC?
 * Workload: a feed in a process of its own, which sends as fast as it is read, and a server of NATS on the same machine.
 *   Three readers in turn, each the only one: a source over gRPC that counts ticks; a relay; a source of the stream that
 *   the relay has written.
 * Leaves out: what a gateway does with a tick once it has it, which is the same for both sources; a network; a cluster.
 *   CPU time is that of the reading process, with all of its threads.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../src/common/clock.js'
import type { TickSink } from '../src/ingest/tick-sink.js'
import { Relay } from '../src/relay/relay.js'
import { RelayCounters } from '../src/relay/relay-counters.js'
import { GrpcSource } from '../src/sources/grpc/grpc-source.js'
import { connect } from '../src/sources/nats/nats-js.js'
import { ticksSubject } from '../src/sources/nats/nats-options.js'
import { StreamPlace } from '../src/sources/nats/stream-place.js'
import { StreamReader } from '../src/sources/nats/stream-reader.js'
import { TickStream } from '../src/sources/nats/tick-stream.js'
import { BatchReader } from '../src/ticks/batch-reader.js'
import { marketCodec } from '../src/ticks/market-codec.js'
import { NatsServer, noNatsServer } from '../test/support/nats-server.js'
import { type Benchmark, type BenchmarkOptions, type Cell, rounded, type Table } from './benchmark.js'
import { Child } from './processes/child.js'
import { freePort } from './processes/free-port.js'

export const relay: Benchmark = { name: 'relay', run }

const SYMBOLS = 50
const SECONDS = 5
const STREAM = 'bench'

/** Counts ticks by the tags of the message, as the ingest does. */
class CountingSink implements TickSink {
  ticks = 0
  losses = 0
  /** Called when ticks have come. */
  onTicks: () => void = () => {}
  private readonly batch = new BatchReader(1)

  push(message: Uint8Array): void {
    const { batch } = this
    batch.reset(message, 0, message.length)
    while (batch.next()) this.ticks++
    this.onTicks()
  }

  lose(): void {
    this.losses++
  }

  sessionStarted(): void {}
  setSourceState(): void {}
  lastPosition = (): number => 0
}

interface Result {
  readonly ticks: number
  readonly seconds: number
  readonly cpuUs: number
}

async function run({ small, tell }: BenchmarkOptions): Promise<Table[]> {
  const title = 'relay: a feed as fast as it is read, through JetStream'
  if (noNatsServer !== undefined) return [{ title, columns: [], rows: [], notes: [noNatsServer] }]
  const seconds = small ? 0.3 : SECONDS
  const server = new NatsServer()
  const address = `127.0.0.1:${await freePort()}`
  const feed = new Child('processes/feed.js', [address, String(SYMBOLS), 'steady', '64'])
  try {
    await server.start()
    await feed.told('address')
    await feed.ask('rate', { rate: 0 })
    tell('relay: gRPC')
    const grpc = await readGrpc(address, seconds)
    tell('relay: relay')
    const written = await runRelay(address, server.url, seconds)
    tell('relay: NATS')
    const nats = await readNats(server.url, written.ticks)
    const row = (name: string, { ticks, seconds, cpuUs }: Result): Cell[] => [
      name,
      rounded(ticks / seconds),
      rounded(cpuUs / ticks),
      rounded(cpuUs / ticks / (grpc.cpuUs / grpc.ticks)),
    ]
    return [
      {
        title,
        columns: ['reader', 'ticks/s', 'CPU µs a tick', 'times gRPC'],
        rows: [row('source over gRPC', grpc), row('relay', written), row('source of the stream', nats)],
        notes: [
          `The source of the stream read ${nats.ticks.toLocaleString('en')} ticks, all that the relay wrote.`,
        ],
      },
    ]
  } finally {
    await feed.stop()
    await server.stop()
  }
}

async function readGrpc(target: string, seconds: number): Promise<Result> {
  const source = new GrpcSource({ target })
  const sink = new CountingSink()
  await new Promise<void>(resolve => {
    sink.onTicks = resolve
    source.start(sink)
  })
  const result = await measured(() => sink.ticks, seconds)
  await source.stop()
  return result
}

async function runRelay(target: string, url: string, seconds: number): Promise<Result> {
  const counters = new RelayCounters()
  const started = new Relay({
    nats: natsOptions(url),
    retention: { maxAgeMs: 3_600_000, maxBytes: 8 * 1024 ** 3, replicas: 1 },
    schema: undefined,
    codec: marketCodec,
    positions: { tellLosses: true, areRepeated: false },
    queueBytesMax: 64 * 1024 * 1024,
    counters,
    makeSource: memory => new GrpcSource({ target }, { memory }),
  })
  await started.start(new AbortController().signal)
  while (counters.messagesStored < 10) await sleep(10)
  const result = await measured(() => counters.ticksWritten, seconds)
  await started.stop(new AbortController().signal)
  if (counters.ticksWritten !== counters.ticksReceived) throw new Error('the relay has left ticks out')
  if (counters.messagesStored !== counters.messagesWritten) throw new Error('the stream lacks messages')
  return result
}

async function readNats(url: string, atLeast: number): Promise<Result> {
  const connection = await connect({ servers: url })
  const stream = await TickStream.open(connection, STREAM, ticksSubject(STREAM))
  const sink = new CountingSink()
  const place = new StreamPlace(sink, undefined, natsOptions(url).log, () => {})
  const startUs = cpuUs()
  const startMs = performance.now()
  const { lastSequence } = (await stream.state())!
  await new Promise<void>((resolve, reject) => {
    StreamReader.open(stream, { sequence: 1 }, () => false, systemClock, {
      message: stored => {
        place.take(stored)
        if (stored.sequence === lastSequence) resolve()
      },
      ended: reason => reject(new Error(reason)),
    }).catch(reject)
  })
  const result = {
    ticks: sink.ticks,
    seconds: (performance.now() - startMs) / 1000,
    cpuUs: cpuUs() - startUs,
  }
  await connection.close()
  if (sink.ticks < atLeast || sink.losses > 0) throw new Error(`${sink.ticks} of ${atLeast} ticks were read`)
  return result
}

async function measured(count: () => number, seconds: number): Promise<Result> {
  const [before, startUs, startMs] = [count(), cpuUs(), performance.now()]
  await sleep(seconds * 1000)
  return {
    ticks: count() - before,
    seconds: (performance.now() - startMs) / 1000,
    cpuUs: cpuUs() - startUs,
  }
}

function natsOptions(url: string) {
  const log = { info: () => {}, warn: () => {} }
  return { servers: [url], stream: STREAM, name: 'bench', clock: systemClock, log }
}

function cpuUs(): number {
  const { system, user } = process.cpuUsage()
  return system + user
}
