/**
 * A server of NATS, with relays and sources in this process, for tests of what lies between a feed and the gateways.
 */
import { systemClock } from '../../src/common/clock.js'
import { Relay, type RelayOptions } from '../../src/relay/relay.js'
import { RelayCounters } from '../../src/relay/relay-counters.js'
import { GrpcSource } from '../../src/sources/grpc/grpc-source.js'
import { connect, jetstreamManager, Kvm } from '../../src/sources/nats/nats-js.js'
import type { NatsOptions } from '../../src/sources/nats/nats-options.js'
import { NatsSource, NOT_CONNECTED } from '../../src/sources/nats/nats-source.js'
import { marketCodec } from '../../src/ticks/market-codec.js'
import { NatsServer } from './nats-server.js'
import { RecordingSink } from './recording-sink.js'

export class RelayStage {
  readonly server: NatsServer
  /** Messages of the parts. */
  readonly lines: string[] = []
  private readonly relays = new Set<Relay>()
  private readonly sources = new Set<NatsSource>()
  private streams = 0
  /** Of the present test. */
  stream = ''

  constructor(server = new NatsServer()) {
    this.server = server
  }

  /** Begins a test with a stream of its own. */
  newStream(): void {
    this.stream = `test${++this.streams}`
    this.lines.length = 0
  }

  get nats(): NatsOptions {
    const line = (message: string) => void this.lines.push(message)
    return {
      servers: [this.server.url],
      stream: this.stream,
      name: 'test',
      clock: systemClock,
      log: { info: line, warn: line },
    }
  }

  /** A relay of the feed at `target`, which has set up its stream. */
  async relay(target: string, options: Partial<RelayOptions> = {}): Promise<Relay> {
    const relay = new Relay({
      nats: this.nats,
      retention: { maxAgeMs: 3_600_000, maxBytes: 64 * 1024 * 1024, replicas: 1 },
      schema: undefined,
      codec: marketCodec,
      positions: { tellLosses: true, areRepeated: false },
      queueBytesMax: 16 * 1024 * 1024,
      counters: new RelayCounters(),
      makeSource: memory => new GrpcSource({ target }, { memory }),
      ...options,
    })
    this.relays.add(relay)
    await relay.start(new AbortController().signal)
    return relay
  }

  /** A source as a gateway has it, which reads the stream, and what it tells. */
  async gateway(options: Partial<NatsOptions> = {}): Promise<{ source: NatsSource; sink: RecordingSink }> {
    const source = new NatsSource({ ...this.nats, schema: undefined, ...options })
    const sink = new RecordingSink()
    this.sources.add(source)
    source.start(sink)
    await sink.until(() => sink.states.at(-1)?.[1] !== NOT_CONNECTED)
    return { source, sink }
  }

  /** What an administrator does. */
  async administer<T>(
    action: (tools: {
      manager: Awaited<ReturnType<typeof jetstreamManager>>
      bucket: Awaited<ReturnType<Kvm['open']>>
      connection: Awaited<ReturnType<typeof connect>>
    }) => Promise<T>,
  ): Promise<T> {
    const connection = await connect({ servers: this.server.url })
    try {
      const manager = await jetstreamManager(connection)
      return await action({
        manager,
        bucket: await new Kvm(connection).open(`${this.stream}-relay`),
        connection,
      })
    } finally {
      await connection.close()
    }
  }

  /** Ends a relay without giving anything back. */
  async stopRelay(relay: Relay): Promise<void> {
    this.relays.delete(relay)
    await relay.stop(AbortSignal.timeout(5_000))
  }

  /** Ends what the test has begun. */
  async clear(): Promise<void> {
    await Promise.all([...this.sources].map(source => source.stop()))
    await Promise.all([...this.relays].map(relay => relay.stop(AbortSignal.timeout(1_000))))
    this.sources.clear()
    this.relays.clear()
  }
}
