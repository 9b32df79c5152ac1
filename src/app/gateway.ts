/**
 * The whole gateway: starts its parts in order, and stops them in reverse. Main thread.
 */
import { ADMIN_CONNECTIONS_MAX, AdminServer } from '../admin/admin-server.js'
import { WATCHERS_MAX } from '../admin/overview-watch.js'
import { StreamHandler } from '../broadcaster/stream-handler.js'
import { ClientServer, type TlsServerFiles } from '../clients/client-server.js'
import { ReconnectAdvice } from '../clients/reconnect-advice.js'
import { systemClock } from '../common/clock.js'
import type { RingcastError } from '../common/errors.js'
import {
  connectionBounds,
  descriptorLimit,
  openDescriptors,
  SPARE_DESCRIPTORS,
} from '../common/file-descriptors.js'
import { hostInUrl } from '../common/host-text.js'
import type { Log } from '../common/log.js'
import { variableOf } from '../common/setting-names.js'
import { readPage } from '../common/web-pages.js'
import { type Config, handlerPart } from '../config/config.js'
import { isForeignMethod } from '../config/feed-setting-types.js'
import { EmbeddedFeed } from '../embedded-feed/embedded-feed.js'
import { ProcessWatch } from '../metrics/process-watch.js'
import { RecentEvents } from '../metrics/recent-events.js'
import type { LoadedFeed } from '../sources/grpc/load-feed.js'
import type { TickSource } from '../sources/tick-source.js'
import { type AdminAccess, openAdminAccess } from './admin-access.js'
import { drainTimes } from './drain-times.js'
import { EarlyRefusals } from './early-refusals.js'
import { embeddedFeedName, feedSettings, hasDemoPage } from './feed-settings.js'
import { ForeignFeedLoader, type ForeignFeedLoaderOptions } from './foreign-feed-loader.js'
import { type GatewayInput, natsInput, type WaitingLoader } from './gateway-input.js'
import { GatewayState } from './gateway-state.js'
import { openServerCertificate } from './server-certificate.js'
import { openTokenAccess, type TokenAccess } from './token-access.js'
import { readUpstreamFiles } from './upstream-files.js'
import { upstreamSource } from './upstream-source.js'
import type { WatchedFiles } from './watched-files.js'

/** The least bound without `maxPendingConnections`. Otherwise `maxClients`, because all clients may return at once. */
const PENDING_MAX_DEFAULT = 1000

export interface GatewayAddresses {
  readonly webSocketUrl: string
  /** Undefined for a gateway without an admin server. */
  readonly adminUrl: string | undefined
  /** The source of the ticks, as a text for people. */
  readonly feed: string
  /** Those of the settings, or fewer, where the process may not open as many files. */
  readonly maxClients: number
}

export class Gateway {
  /** Resolves with an error after which the gateway must stop. Otherwise it stays pending. */
  readonly failed: Promise<RingcastError>
  /** Resolves when the admin server was asked for an orderly stop. */
  readonly drainRequested: Promise<void>
  readonly state: GatewayState
  private readonly config: Config
  /** The log of the process, which keeps the newest lines for the overview. */
  private readonly log: RecentEvents
  private readonly earlyRefusals: EarlyRefusals
  private readonly watch = new ProcessWatch({ clock: systemClock, filesMax: descriptorLimit() })
  private fail: (error: RingcastError) => void = () => {}
  private handler: StreamHandler | undefined
  private feed: EmbeddedFeed | undefined
  private loader: WaitingLoader | undefined
  private source: TickSource | undefined
  private server: ClientServer | undefined
  private certificate: WatchedFiles<TlsServerFiles> | undefined
  private tokens: TokenAccess | undefined
  private admin: AdminServer | undefined
  private adminAccess: AdminAccess | undefined
  private isStopping = false
  private webSocketUrl = ''
  private sourceName = ''
  private adminUrl: string | undefined
  private readonly hasAdmin: boolean

  /** @param number of one of several gateways: their first process has the admin server. Default: the only one */
  constructor(config: Config, processLog: Log, number?: number) {
    this.config = config
    const log = new RecentEvents({ log: processLog, clock: systemClock, process: number ?? 1 })
    this.log = log
    const { closeTimeoutMs: timeoutMs, connectionsPerSecond: perSecond, retryAfterS } = config
    const advice = new ReconnectAdvice({ perSecond, retryAfterS, clock: systemClock })
    this.earlyRefusals = new EarlyRefusals(
      { retryAfterS: () => advice.afterRefusalS(), timeoutMs, clock: systemClock },
      log,
    )
    this.hasAdmin = number === undefined
    this.failed = new Promise(resolve => {
      this.fail = resolve
    })
    let requestDrain: () => void = () => {}
    this.drainRequested = new Promise(resolve => {
      requestDrain = resolve
    })
    this.state = new GatewayState(() => this.parts(), {
      clock: systemClock,
      drain: requestDrain,
      process: number ?? 1,
    })
  }

  /**
   * After an error, call `stop`, too. A feed of another schema is waited for, with both servers open.
   *
   * @param signal ends that wait
   * @throws RingcastError when an address is taken, a file of the settings cannot be read, or a setting does not fit the
   *   schema of the feed; the reason of the signal after an abort
   */
  async start(signal: AbortSignal): Promise<GatewayAddresses> {
    const { config, log } = this
    this.tokens = await openTokenAccess(config, log)
    const limit = descriptorLimit()
    const { maxClients, pendingMax } = this.boundConnections(limit)
    const listen = async (): Promise<void> => {
      await this.listenForAdmin()
      this.webSocketUrl = await this.listenForClients(pendingMax, limit - SPARE_DESCRIPTORS)
    }
    const input = await (config.nats === undefined
      ? this.openUpstream(listen, signal)
      : this.openStream(config.nats, listen, signal))
    this.sourceName = input.name
    const handler = new StreamHandler(
      { ...handlerPart(config), maxClients, schema: input.schema },
      { log, ...input.rules, ...(this.tokens && { authenticate: this.tokens.authenticate }) },
    )
    this.handler = handler
    this.source = input.makeSource()
    handler.attachSource(this.source)
    return { webSocketUrl: this.webSocketUrl, adminUrl: this.adminUrl, feed: input.name, maxClients }
  }

  /** A schema that is not in the settings is waited for, with both servers open. */
  private async openStream(
    servers: readonly string[],
    listen: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<GatewayInput> {
    const { config, log } = this
    await listen()
    const waiting = (loader: WaitingLoader) => {
      this.loader = loader
      const { adminUrl, webSocketUrl } = this
      log.info({ webSocketUrl, adminUrl, stream: config.natsStream }, 'loading the schema of the stream')
    }
    return await natsInput({ config, servers, waiting, log }, signal)
  }

  private async openUpstream(listen: () => Promise<void>, signal: AbortSignal): Promise<GatewayInput> {
    const { config, log } = this
    const { tls, metadata, request } = await readUpstreamFiles(config)
    const targets = config.upstream ?? [await this.startFeed()]
    const isForeign = isForeignMethod(config.upstreamMethod)
    const call = { tls, metadata }
    await listen()
    const { adminUrl, webSocketUrl } = this
    if (isForeign)
      log.info({ webSocketUrl, adminUrl, feed: targets.join(', ') }, 'loading the schema of the feed')
    const foreign = isForeign
      ? await this.loadFeed({ config, targets, call, request, clock: systemClock, log }, signal)
      : undefined
    return {
      schema: foreign?.schema,
      rules: {
        positionsTellLosses: config.upstreamSymbols.length === 0,
        ticksAreRepeated: targets.length > 1 && config.upstreamMode === 'both',
      },
      makeSource: () => upstreamSource({ config, targets, call, method: foreign?.method, log }),
      name: this.feed === undefined ? targets.join(', ') : embeddedFeedName(config),
    }
  }

  /**
   * Sends the clients away, with everything that is queued for them, then stops. Also after a `start` that has failed.
   *
   * @param isRequested false: the gateway has failed, so the clients leave at once
   * @param isPolled whether something asks if the gateway is ready. Default: as the admin server has seen
   */
  async stop(isRequested: boolean, isPolled = this.admin?.isPolled ?? false): Promise<void> {
    const { config, handler, log } = this
    // `/readyz` fails from now on. Balancers still send clients until they see it.
    this.isStopping = true
    if (handler !== undefined) {
      const { delayMs } = drainTimes(config, 0, isPolled)
      if (isRequested && delayMs > 0) {
        log.info({ delayMs }, 'not ready any more; new clients are still let in')
        await new Promise<void>(resolve => void systemClock.after(delayMs, resolve))
      }
      const { drainMs } = drainTimes(config, handler.getClientCount(), isPolled)
      await handler.shutdown({ drainMs: isRequested ? drainMs : 0, timeoutMs: config.shutdownTimeoutMs })
    }
    this.certificate?.close()
    this.tokens?.close()
    this.server?.close()
    this.earlyRefusals.stop()
    await this.feed?.stop()
    this.adminAccess?.close()
    await this.admin?.close()
    this.watch.stop()
  }

  private parts() {
    const { handler, isStopping, loader, log: events, server, source, sourceName, watch } = this
    const refusedEarly = this.earlyRefusals.count
    return { events, handler, isStopping, loader, refusedEarly, server, source, sourceName, watch }
  }

  /** Reads the files again that can change: certificates, keys and tokens. */
  async reload(): Promise<void> {
    await Promise.all([this.certificate?.reload(), this.tokens?.reload(), this.adminAccess?.reload()])
  }

  /** The bounds of the settings. Lower ones, with a warning, when the process may not open as many files. */
  private boundConnections(limit: number): { maxClients: number; pendingMax: number } {
    const { maxClients, poolSize } = this.config
    const pendingMax = this.config.maxPendingConnections ?? Math.max(PENDING_MAX_DEFAULT, maxClients)
    const bounds = connectionBounds({
      maxClients,
      pendingMax,
      lanes: poolSize,
      otherConnections: ADMIN_CONNECTIONS_MAX + WATCHERS_MAX,
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

  private loadFeed(options: ForeignFeedLoaderOptions, signal: AbortSignal): Promise<LoadedFeed> {
    const loader = new ForeignFeedLoader(options)
    this.loader = loader
    return loader.load(signal)
  }

  /** @returns the address in use. Until there is a handler, clients are refused. */
  private async listenForClients(pendingMax: number, reservedFrom: number): Promise<string> {
    const { config, log } = this
    this.certificate = await openServerCertificate(config, {
      clock: systemClock,
      log,
      use: files => this.server?.setTls(files),
    })
    const tls = this.certificate?.current
    this.server = new ClientServer({
      tls,
      page: hasDemoPage(config) ? readPage('demo') : undefined,
      proxies: config.proxyProtocol ? config.trustedProxies : undefined,
      host: config.host,
      port: config.port,
      handleUpgrade: (request, socket, head) =>
        this.handler === undefined
          ? this.earlyRefusals.refuse(socket)
          : this.handler.handleUpgrade(request, socket, head),
      pendingMax,
      reservedFrom,
      clock: systemClock,
      log,
    })
    const { host, port } = await this.server.listen()
    return `${tls === undefined ? 'ws' : 'wss'}://${hostInUrl(host)}:${port}/ws/ticks`
  }

  private async listenForAdmin(): Promise<void> {
    const { config, log } = this
    if (!this.hasAdmin) return
    this.adminAccess = await openAdminAccess(config, log)
    this.admin = new AdminServer({
      host: config.adminHost,
      port: config.adminPort,
      view: this.state.view(),
      page: readPage('dashboard'),
      guard: this.adminAccess.guard,
      clock: systemClock,
      log,
    })
    const { host, port } = await this.admin.listen()
    this.adminUrl = `http://${hostInUrl(host)}:${port}`
  }
}
