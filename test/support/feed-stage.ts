/** Gateways in this process that read a feed over gRPC which holds its ticks, and their clients. */
import type { StreamHandlerParts } from '../../src/broadcaster/handler-parts.js'
import type { StreamHandlerOptions } from '../../src/broadcaster/stream-handler.js'
import { GrpcSource, type GrpcSourceOptions } from '../../src/sources/grpc/grpc-source.js'
import type { HandlerServer } from './handler-server.js'
import { HeldFeed } from './held-feed.js'
import { ReplayStage } from './replay-stage.js'
import { until } from './until.js'

export class FeedStage extends ReplayStage {
  feed!: HeldFeed
  private readonly sources: GrpcSource[] = []

  /** Begins a test with a feed of its own. */
  async newFeed(): Promise<void> {
    this.feed = new HeldFeed()
    await this.feed.start()
  }

  /** A gateway that has read one more tick, the first one of its tick log. */
  async begunGateway(
    options: StreamHandlerOptions = {},
    source: Partial<GrpcSourceOptions> = {},
    parts: StreamHandlerParts = {},
  ): Promise<HandlerServer> {
    const { feed } = this
    const server = await this.server(options, parts)
    const reader = new GrpcSource({
      target: feed.server.target,
      backoffMinMs: 1,
      backoffMaxMs: 1,
      ...source,
    })
    this.sources.push(reader)
    server.handler.attachSource(reader)
    await until(() => reader.status().state === 'live')
    feed.upTo(feed.position + 1)
    await this.untilRead(server)
    return server
  }

  /** Waits until the gateway has read what the feed has made. */
  async untilRead(server: HandlerServer): Promise<void> {
    await until(() => server.handler.getMetrics().offset === this.feed.position)
    await server.untilRead()
  }

  override async clear(): Promise<void> {
    await super.clear()
    await Promise.all(this.sources.splice(0).map(source => source.stop()))
    await this.feed.stop()
  }
}
