/** Gateways in this process that read a stream in a real server of NATS, and their clients. */
import type { StreamHandlerOptions } from '../../src/broadcaster/stream-handler.js'
import { systemClock } from '../../src/common/clock.js'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { NatsSource } from '../../src/sources/nats/nats-source.js'
import { HandlerServer } from './handler-server.js'
import { NatsServer } from './nats-server.js'
import { StoredStream } from './stored-stream.js'
import { TickClient } from './tick-client.js'
import { until } from './until.js'

/** A client that keeps all of its messages. */
export type PastClient = TickClient & { readonly all: ServerMessage[]; readonly state: { isLive: boolean } }

export class PastStage {
  readonly nats = new NatsServer()
  stored!: StoredStream
  private streams = 0
  private readonly servers: HandlerServer[] = []
  private readonly clients: TickClient[] = []

  /** Begins a test with a stream of its own. */
  async newStream(): Promise<void> {
    this.stored = await StoredStream.create(this.nats.url, `past${++this.streams}`)
  }

  /** A gateway that reads what comes next. */
  async gateway(options: StreamHandlerOptions = {}): Promise<HandlerServer> {
    const server = await HandlerServer.start(options)
    this.servers.push(server)
    const source = new NatsSource({
      servers: [this.nats.url],
      stream: this.stored.name,
      name: 'test',
      clock: systemClock,
      log: { info: () => {}, warn: () => {} },
      schema: undefined,
    })
    server.handler.attachSource(source)
    await until(() => source.status().lastError === 'no relay writes ticks into the stream')
    return server
  }

  /** A gateway that has read one more tick, the first one of its tick log. */
  async begunGateway(options: StreamHandlerOptions = {}): Promise<HandlerServer> {
    const server = await this.gateway(options)
    await this.stored.ticks(['A'])
    await until(() => server.handler.getMetrics().offset === this.stored.offset)
    return server
  }

  async connect(server: HandlerServer, query: string): Promise<PastClient> {
    const all: ServerMessage[] = []
    const state = { isLive: false }
    const client = await TickClient.connect(server.url(query), message => {
      all.push(message)
      if (message.type === 'live') state.isLive = true
    })
    this.clients.push(client)
    return Object.assign(client, { all, state })
  }

  /** Ends what the test has begun. */
  async clear(): Promise<void> {
    await Promise.all(this.clients.splice(0).map(client => client.close()))
    await Promise.all(this.servers.splice(0).map(server => server.stop()))
    await this.stored.close()
  }
}

/** The offsets of the ticks that a client got: their sequences. */
export const got = (client: TickClient): number[] => client.ticks.map(({ sequence }) => Number(sequence))

export const isLive = (client: PastClient) => (): boolean => client.state.isLive

/** Ends the thread that reads the past in the midst of its work. */
export function endHistoryThread({ handler }: HandlerServer): void {
  const { broadcaster } = handler as unknown as {
    readonly broadcaster: { readonly history: { readonly clients: { readonly deps: { terminate(): void } } } }
  }
  broadcaster.history.clients.deps.terminate()
}
