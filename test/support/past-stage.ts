/** Gateways in this process that read a stream in a real server of NATS, and their clients. */
import type { StreamHandlerOptions } from '../../src/broadcaster/stream-handler.js'
import { systemClock } from '../../src/common/clock.js'
import { NatsSource } from '../../src/sources/nats/nats-source.js'
import type { HandlerServer } from './handler-server.js'
import { NatsServer } from './nats-server.js'
import { ReplayStage } from './replay-stage.js'
import { StoredStream } from './stored-stream.js'
import { until } from './until.js'

export class PastStage extends ReplayStage {
  readonly nats = new NatsServer()
  stored!: StoredStream
  private streams = 0

  /** Begins a test with a stream of its own. */
  async newStream(): Promise<void> {
    this.stored = await StoredStream.create(this.nats.url, `past${++this.streams}`)
  }

  /** A gateway that reads what comes next. */
  async gateway(options: StreamHandlerOptions = {}): Promise<HandlerServer> {
    const server = await this.server(options)
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

  override async clear(): Promise<void> {
    await super.clear()
    await this.stored.close()
  }
}
