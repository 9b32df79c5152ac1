/** The process of `ringcast relay`: the relay, its feed, its admin server. Main thread. */
import { AdminServer } from '../admin/admin-server.js'
import type { AdminView } from '../admin/admin-view.js'
import { systemClock } from '../common/clock.js'
import { descriptorLimit } from '../common/file-descriptors.js'
import { hostInUrl } from '../common/host-text.js'
import type { Log } from '../common/log.js'
import type { Config } from '../config/config.js'
import { isForeignMethod } from '../config/feed-setting-types.js'
import { ProcessWatch } from '../metrics/process-watch.js'
import type { Relay, RelayOptions } from '../relay/relay.js'
import { RelayCounters } from '../relay/relay-counters.js'
import { tickCodecOf } from '../ticks/tick-codec-of.js'
import { type AdminAccess, openAdminAccess } from './admin-access.js'
import { ForeignFeedLoader } from './foreign-feed-loader.js'
import { liveness } from './liveness.js'
import { natsOptions } from './nats-settings.js'
import { isReady, type Readiness } from './readiness.js'
import { relayPage } from './relay-page.js'
import { readUpstreamFiles } from './upstream-files.js'
import { upstreamSource } from './upstream-source.js'

export interface RelayAddresses {
  readonly adminUrl: string
  readonly feed: string
  readonly stream: string
}

const RELAY_CHECKS = ['nats', 'upstream'] as const
const NONE: ReadonlySet<string> = new Set()

export class RelayService {
  /** Resolves when the admin server was asked for an orderly stop. */
  readonly drainRequested: Promise<void>
  private readonly config: Config
  private readonly log: Log
  private readonly counters = new RelayCounters()
  private readonly watch = new ProcessWatch({ clock: systemClock, filesMax: descriptorLimit() })
  private requestDrain: () => void = () => {}
  private loader: ForeignFeedLoader | undefined
  private relay: Relay | undefined
  private admin: AdminServer | undefined
  private adminAccess: AdminAccess | undefined

  constructor(config: Config, log: Log) {
    this.config = config
    this.log = log
    this.drainRequested = new Promise(resolve => {
      this.requestDrain = resolve
    })
  }

  /**
   * After an error, call `stop`, too. NATS, and a feed of another schema, are waited for, with the admin server open.
   *
   * @param signal ends that wait
   * @throws RingcastError when an address is taken, a file cannot be read, a setting does not fit the schema of the feed,
   *   or the stream is not one of a relay; the reason of the signal after an abort
   */
  async start(signal: AbortSignal): Promise<RelayAddresses> {
    const { config, log } = this
    const { nats: servers = [], upstream: targets = [] } = config
    const { tls, metadata, request } = await readUpstreamFiles(config)
    const nats = await natsOptions(config, servers, 'ringcast relay', systemClock, log)
    const { Relay, relayedSchema } = await loadRelay()
    const adminUrl = await this.listenForAdmin()
    const addresses = { adminUrl, feed: targets.join(', '), stream: config.natsStream }
    log.info(addresses, 'the relay starts')
    const call = { tls, metadata }
    if (isForeignMethod(config.upstreamMethod))
      this.loader = new ForeignFeedLoader({ config, targets, call, request, clock: systemClock, log })
    const foreign = await this.loader?.load(signal)
    const options: RelayOptions = {
      nats,
      retention: {
        maxAgeMs: config.relayMaxAgeMs,
        maxBytes: config.relayMaxBytes,
        replicas: config.relayReplicas,
      },
      schema: foreign && relayedSchema(foreign.schema),
      codec: tickCodecOf(foreign?.schema, config.tickBytesMax),
      positions: {
        tellLosses: config.upstreamSymbols.length === 0,
        areRepeated: targets.length > 1 && config.upstreamMode === 'both',
      },
      queueBytesMax: config.relayQueueBytes,
      counters: this.counters,
      makeSource: memory => upstreamSource({ config, targets, call, method: foreign?.method, log, memory }),
    }
    this.relay = new Relay(options)
    await this.relay.start(signal)
    return addresses
  }

  /** Writes what has come, gives the lease back, then stops. Also after a `start` that has failed. */
  async stop(): Promise<void> {
    const deadline = new AbortController()
    const timer = systemClock.after(this.config.shutdownTimeoutMs, () => deadline.abort())
    await this.relay?.stop(deadline.signal)
    timer.cancel()
    this.adminAccess?.close()
    await this.admin?.close()
    this.watch.stop()
  }

  /** Reads the token of the admin port again. */
  async reload(): Promise<void> {
    await this.adminAccess?.reload()
  }

  private async listenForAdmin(): Promise<string> {
    const { config, log } = this
    const { adminHost: host, adminPort: port } = config
    this.adminAccess = await openAdminAccess(config, log)
    const { guard } = this.adminAccess
    this.admin = new AdminServer({ host, port, view: this.view(), guard, clock: systemClock, log })
    const address = await this.admin.listen()
    return `http://${hostInUrl(address.host)}:${address.port}`
  }

  private view(): AdminView {
    return {
      metrics: () => this.relay?.metrics() ?? { role: 'connecting', counters: { ...this.counters } },
      prometheus: () => {
        const { checks, ready } = this.readiness(NONE)
        return relayPage({
          checks,
          ready,
          isActive: this.relay?.status().role === 'active',
          counters: this.counters,
          runtime: this.watch.view(),
        })
      },
      liveness: () => liveness({ lateForMs: this.watch.lateForMs, laneTroubleMs: 0 }),
      checkNames: RELAY_CHECKS,
      readiness: excluded => this.readiness(excluded),
      details: () => this.relay?.status(),
      clients: undefined,
      overview: undefined,
      drain: this.requestDrain,
    }
  }

  /** A relay that waits for the lease is ready: it takes over at any time. */
  private readiness(excluded: ReadonlySet<string>): Readiness {
    const status = this.relay?.status()
    const checks: Record<(typeof RELAY_CHECKS)[number], string> = {
      nats: status?.nats ?? 'connecting',
      upstream: status?.upstream ?? this.loader?.status().lastError ?? 'connecting',
    }
    return { ready: isReady(checks, excluded), checks }
  }
}

/** Only this command pays for the client of NATS. */
async function loadRelay() {
  const [{ Relay }, { relayedSchema }] = await Promise.all([
    import('../relay/relay.js'),
    import('../relay/relayed-schema.js'),
  ])
  return { Relay, relayedSchema }
}
