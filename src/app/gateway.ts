/**
 * The whole gateway: starts its parts in order, and stops them in reverse. Main thread.
 */
import { ADMIN_CONNECTIONS_MAX, AdminServer, type AdminView } from '../admin/admin-server.js'
import { StreamHandler } from '../broadcaster/stream-handler.js'
import { ClientServer } from '../clients/client-server.js'
import { systemClock } from '../common/clock.js'
import type { RingcastError } from '../common/errors.js'
import {
  connectionBounds,
  descriptorLimit,
  openDescriptors,
  SPARE_DESCRIPTORS,
} from '../common/file-descriptors.js'
import type { Log } from '../common/log.js'
import { variableOf } from '../common/setting-names.js'
import { type Config, handlerPart } from '../config/config.js'
import { isForeignMethod } from '../config/feed-setting-types.js'
import { EmbeddedFeed } from '../embedded-feed/embedded-feed.js'
import type { LoadedFeed } from '../sources/grpc/load-feed.js'
import type { TickSource } from '../sources/tick-source.js'
import { drainTimes } from './drain-times.js'
import { feedSettings } from './feed-settings.js'
import { ForeignFeedLoader, type ForeignFeedLoaderOptions } from './foreign-feed-loader.js'
import { readiness } from './readiness.js'
import { readUpstreamFiles } from './upstream-files.js'
import { upstreamSource } from './upstream-source.js'

/** The least bound without `maxPendingConnections`. Otherwise `maxClients`, because all clients may return at once. */
const PENDING_MAX_DEFAULT = 1000

export interface GatewayAddresses {
  readonly webSocketUrl: string
  readonly adminUrl: string
  /** The source of the ticks, as a text for people. */
  readonly feed: string
}

export class Gateway {
  /** Resolves with an error after which the gateway must stop. Otherwise it stays pending. */
  readonly failed: Promise<RingcastError>
  private readonly config: Config
  private readonly log: Log
  private fail: (error: RingcastError) => void = () => {}
  private handler: StreamHandler | undefined
  private feed: EmbeddedFeed | undefined
  private loader: ForeignFeedLoader | undefined
  private source: TickSource | undefined
  private server: ClientServer | undefined
  private admin: AdminServer | undefined
  private isStopping = false

  constructor(config: Config, log: Log) {
    this.config = config
    this.log = log
    this.failed = new Promise(resolve => {
      this.fail = resolve
    })
  }

  /**
   * After an error, call `stop`, too. A feed of another schema is waited for, with the admin server open.
   *
   * @param signal ends that wait
   * @throws RingcastError when an address is taken, a file of the settings cannot be read, or a setting does not fit the
   *   schema of the feed; the reason of the signal after an abort
   */
  async start(signal: AbortSignal): Promise<GatewayAddresses> {
    const { config, log } = this
    const limit = descriptorLimit()
    const { maxClients, pendingMax } = this.boundConnections(limit)
    const { tls, metadata, request } = await readUpstreamFiles(config)
    const targets = config.upstream ?? [await this.startFeed()]
    const isForeign = isForeignMethod(config.upstreamMethod)
    const call = { tls, metadata }
    const admin = isForeign ? await this.listenForAdmin() : undefined
    if (admin !== undefined)
      log.info({ adminUrl: urlOf(admin), feed: targets.join(', ') }, 'loading the schema of the feed')
    const foreign = isForeign
      ? await this.loadFeed({ config, targets, call, request, clock: systemClock, log }, signal)
      : undefined
    const handler = new StreamHandler(
      { ...handlerPart(config), maxClients, schema: foreign?.schema },
      {
        log,
        positionsTellLosses: config.upstreamSymbols.length === 0,
        ticksAreRepeated: targets.length > 1 && config.upstreamMode === 'both',
      },
    )
    this.handler = handler
    this.server = new ClientServer({
      host: config.host,
      port: config.port,
      handleUpgrade: (request, socket, head) => handler.handleUpgrade(request, socket, head),
      pendingMax,
      reservedFrom: limit - SPARE_DESCRIPTORS,
      clock: systemClock,
      log,
    })
    const { host, port } = await this.server.listen()
    const adminUrl = urlOf(admin ?? (await this.listenForAdmin()))
    this.source = upstreamSource({ config, targets, call, method: foreign?.method, log })
    handler.attachSource(this.source)
    return {
      webSocketUrl: `ws://${bracketed(host)}:${port}/ws/ticks`,
      adminUrl,
      feed: this.feed === undefined ? targets.join(', ') : this.feedName(),
    }
  }

  /**
   * Sends the clients away, with everything that is queued for them, then stops. Also after a `start` that has failed.
   *
   * @param isRequested false: the gateway has failed, so the clients leave at once
   */
  async stop(isRequested: boolean): Promise<void> {
    const { config, handler } = this
    this.isStopping = true
    if (handler !== undefined) {
      const times = drainTimes(config, handler.getClientCount(), this.admin?.isPolled ?? false)
      if (isRequested && times.delayMs > 0) await this.waitForBalancers(times.delayMs)
      await handler.shutdown({
        drainMs: isRequested ? times.drainMs : 0,
        timeoutMs: config.shutdownTimeoutMs,
      })
    }
    this.server?.close()
    await this.feed?.stop()
    await this.admin?.close()
  }

  /** `/readyz` has failed from now on. Balancers still send clients until they see it. */
  private waitForBalancers(delayMs: number): Promise<void> {
    this.log.info({ delayMs }, 'not ready any more; new clients are still let in')
    return new Promise(resolve => {
      systemClock.after(delayMs, resolve)
    })
  }

  /** The bounds of the settings. Lower ones, with a warning, when the process may not open as many files. */
  private boundConnections(limit: number): { maxClients: number; pendingMax: number } {
    const { maxClients, poolSize } = this.config
    const pendingMax = this.config.maxPendingConnections ?? Math.max(PENDING_MAX_DEFAULT, maxClients)
    const bounds = connectionBounds({
      maxClients,
      pendingMax,
      lanes: poolSize,
      otherConnections: ADMIN_CONNECTIONS_MAX,
      openBefore: openDescriptors(),
      limit,
    })
    if (limit < bounds.needed) {
      this.log.warn(
        {
          limit,
          needed: bounds.needed,
          maxClients: bounds.maxClients,
          maxPendingConnections: bounds.pendingMax,
        },
        `the process may open ${limit} files, and ${maxClients} clients with ${pendingMax} pending connections need ${bounds.needed}: ` +
          `there are places for ${bounds.maxClients} and ${bounds.pendingMax}. Raise the limit (ulimit -n, or LimitNOFILE of systemd), ` +
          `or lower ${variableOf('maxClients')} and ${variableOf('maxPendingConnections')}`,
      )
    }
    return bounds
  }

  private async startFeed(): Promise<string> {
    this.feed = await EmbeddedFeed.start({
      ...feedSettings(this.config, '127.0.0.1:0'),
      // This gateway is the only reader. A pause of the gateway must not lose a tick.
      holdForReader: true,
      onFailure: error => this.fail(error),
      onEnd: ticks => this.log.info({ ticks }, 'the replay has ended'),
    })
    return `127.0.0.1:${this.feed.port}`
  }

  private feedName(): string {
    const { feedReplay, feedRate, feedSpeed, feedSymbols } = this.config
    if (feedReplay !== undefined) return `replay of ${feedReplay} at speed ${feedSpeed}`
    return `synthetic: ${feedSymbols} symbols, ${feedRate === 0 ? 'as many ticks as are read' : `${feedRate} ticks/s`}`
  }

  private loadFeed(options: ForeignFeedLoaderOptions, signal: AbortSignal): Promise<LoadedFeed> {
    this.loader = new ForeignFeedLoader(options)
    return this.loader.load(signal)
  }

  private listenForAdmin(): Promise<{ host: string; port: number }> {
    const { config, log } = this
    this.admin = new AdminServer({
      host: config.adminHost,
      port: config.adminPort,
      view: this.view(),
      clock: systemClock,
      log,
    })
    return this.admin.listen()
  }

  /** Before the handler is there, there is nothing to measure. */
  private view(): AdminView {
    return {
      metrics: () => ({ ...this.handler?.getMetrics(), server: this.server?.counters() }),
      isLive: () => true,
      readiness: () =>
        readiness({
          isStopping: this.isStopping,
          areLanesHealthy: this.handler?.isHealthy() ?? false,
          upstream: this.source?.status() ?? this.loader?.status(),
        }),
    }
  }
}

function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${bracketed(host)}:${port}`
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
