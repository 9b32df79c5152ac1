/**
 * The first process of several gateways on one port: starts them, replaces those that end, asks all to stop, and shows
 * their state on the admin port. It serves no client itself. Main thread.
 */
import { AdminServer } from '../../admin/admin-server.js'
import type { AdminView } from '../../admin/admin-view.js'
import type { Clock } from '../../common/clock.js'
import type { RingcastError } from '../../common/errors.js'
import { hostInUrl } from '../../common/host-text.js'
import type { Log } from '../../common/log.js'
import { readPage } from '../../common/web-pages.js'
import type { Config } from '../../config/config.js'
import { EmbeddedFeed } from '../../embedded-feed/embedded-feed.js'
import { chooseClients } from '../../metrics/client-view.js'
import type { Overview } from '../../metrics/overview.js'
import { RecentEvents } from '../../metrics/recent-events.js'
import { type AdminAccess, openAdminAccess } from '../admin-access.js'
import { embeddedFeedName, feedSettings } from '../feed-settings.js'
import { prometheusPage } from '../prometheus-page.js'
import { GATEWAY_CHECKS } from '../readiness.js'
import { type GatewayProcess, type GatewayProcessEvents, startGatewayProcess } from './gateway-process.js'
import { endedAtStart, notStarted } from './group-errors.js'
import { type FromGateway, REPORT_INTERVAL_MS, type ToGateway } from './group-messages.js'
import { groupOverview } from './group-overview.js'
import { GroupPlace } from './group-place.js'
import { GroupQuestions } from './group-questions.js'
import { groupLiveness, groupMetrics, groupReadiness, type ProcessState } from './group-view.js'

/** A process that has not reported for so many intervals is no longer believed to be ready. */
const SILENT_INTERVALS = 10
/** A process that has lived this long has started well: the next end of it counts as the first. */
const HEALTHY_MS = 60_000

export interface GatewayGroupDeps {
  readonly clock: Clock
  readonly log: Log
  /** Default: by Node's `cluster`. It throws some errors of the system, such as a full table of file descriptors. */
  readonly startProcess?: (events: GatewayProcessEvents) => GatewayProcess
}

export interface GroupAddresses {
  readonly webSocketUrl: string
  readonly adminUrl: string
  readonly feed: string
}

export class GatewayGroup {
  /** Resolves with an error after which the group must stop. Otherwise it stays pending. */
  readonly failed: Promise<RingcastError>
  /** Resolves when the admin server was asked for an orderly stop. */
  readonly drainRequested: Promise<void>
  private readonly config: Config
  private readonly deps: GatewayGroupDeps
  private readonly questions: GroupQuestions
  /** The log, which keeps the newest lines for the overview. */
  private readonly log: RecentEvents
  private requestDrain: () => void = () => {}
  private readonly places: readonly GroupPlace[]
  private readonly startProcess: (events: GatewayProcessEvents) => GatewayProcess
  private fail: (error: RingcastError) => void = () => {}
  private feed: EmbeddedFeed | undefined
  private admin: AdminServer | undefined
  private adminAccess: AdminAccess | undefined
  private isStopping = false
  /** Called when a process accepts clients, or has ended. */
  private changed: () => void = () => {}

  /** @param config `processes` is the number of gateways */
  constructor(config: Config, deps: GatewayGroupDeps) {
    this.config = config
    this.deps = deps
    this.questions = new GroupQuestions(deps.clock)
    this.log = new RecentEvents({ log: deps.log, clock: deps.clock, process: 0 })
    this.drainRequested = new Promise(resolve => {
      this.requestDrain = resolve
    })
    this.startProcess = deps.startProcess ?? startGatewayProcess
    this.places = Array.from({ length: config.processes }, (_, index) => new GroupPlace(index + 1))
    this.failed = new Promise(resolve => {
      this.fail = resolve
    })
  }

  /**
   * Resolves when every process accepts clients. After an error, call `stop`, too.
   *
   * @param signal ends that wait
   * @throws RingcastError `listen_failed`, the errors of the embedded feed, or `config_invalid` or `process_failed`
   *   when a process ends as it starts
   */
  async start(signal: AbortSignal): Promise<GroupAddresses> {
    const { config } = this
    if (config.upstream === undefined && config.nats === undefined) this.feed = await this.startFeed()
    const { host, port } = await this.listenForAdmin()
    signal.throwIfAborted()
    for (const place of this.places) this.open(place)
    await this.allAccept(signal)
    const { webSocketUrl, feed } = this.places[0]!.accepting!
    const feedName = this.feed === undefined ? feed : embeddedFeedName(config)
    return {
      webSocketUrl,
      feed: feedName,
      adminUrl: `http://${hostInUrl(host)}:${port}`,
    }
  }

  /**
   * Resolves when every process has ended. Each one observes the times of the stop itself.
   *
   * @param isRequested false: the group has failed, and no process waits for balancers
   */
  async stop(isRequested: boolean): Promise<void> {
    this.isStopping = true
    const isPolled = isRequested && this.isPolled
    for (const { process, restart } of this.places) {
      restart?.cancel()
      process?.send({ op: 'stop', isPolled })
    }
    await this.until(() => this.places.every(({ process }) => process === undefined))
    await this.feed?.stop()
    this.adminAccess?.close()
    await this.admin?.close()
  }

  /** Lets every process read its certificate again. */
  async reload(): Promise<void> {
    for (const { process } of this.places) process?.send({ op: 'reload' })
    await this.adminAccess?.reload()
  }

  view(): AdminView {
    return {
      metrics: () => groupMetrics(this.states()),
      prometheus: () => prometheusPage(this.states()),
      liveness: () => groupLiveness(this.states()),
      checkNames: GATEWAY_CHECKS,
      readiness: excluded => {
        const { ready, checks } = groupReadiness(this.states(), excluded)
        return { ready: ready && !this.isStopping, checks }
      },
      details: () =>
        this.states().map(({ process, pid, report }) => ({ process, pid, checks: report?.checks })),
      clients: {
        list: async query => {
          const lists = await this.questions.ask(this.processes, { kind: 'clients', query })
          return chooseClients(lists.flat(), query)
        },
        close: async id => (await this.questions.ask(this.processes, { kind: 'close', id })).includes(true),
      },
      overview: () => this.overview(),
      drain: this.requestDrain,
    }
  }

  private async overview(): Promise<Overview | undefined> {
    const overviews = await this.questions.ask(this.processes, { kind: 'overview' })
    if (overviews.length === 0) return undefined
    return groupOverview({
      overviews,
      events: this.log.newest,
      ready: this.view().readiness(new Set()).ready,
      processes: this.states().map(({ pid, process, report, silence }) => ({
        process,
        pid: pid ?? null,
        ready: report?.ready ?? false,
        checks: report?.checks ?? { process: silence },
      })),
    })
  }

  private get processes(): GatewayProcess[] {
    return this.places.flatMap(({ process }) => (process === undefined ? [] : [process]))
  }

  private get isPolled(): boolean {
    return this.admin?.isPolled ?? false
  }

  private open(place: GroupPlace): void {
    const { clock } = this.deps
    place.startedMs = clock.nowMs()
    try {
      place.process = this.startProcess({
        message: message => this.onMessage(place, message),
        exit: (code, signal, error) => this.onExit(place, code, signal, error),
      })
    } catch (error) {
      this.onExit(place, null, null, error as Error)
    }
  }

  private onMessage(place: GroupPlace, message: FromGateway): void {
    switch (message.op) {
      case 'ready':
        place.process?.send(this.isStopping ? { op: 'stop', isPolled: false } : this.startOrder(place))
        return
      case 'accepting':
        place.accepting = message
        place.hasServed = true
        this.changed()
        return
      case 'report':
        place.report = message.report
        place.reportedMs = this.deps.clock.nowMs()
        return
      case 'answer':
        this.questions.answered(message.number, message.answer)
    }
  }

  private startOrder({ number }: GroupPlace): ToGateway {
    const upstream = this.feed === undefined ? null : [`127.0.0.1:${this.feed.port}`]
    return { op: 'start', process: number, upstream }
  }

  private onExit(place: GroupPlace, code: number | null, signal: string | null, err?: Error): void {
    const { log } = this
    const { clock } = this.deps
    const details = { process: place.number, pid: place.process?.pid, code, signal, err }
    place.process = undefined
    place.report = undefined
    place.accepting = undefined
    if (!this.isStopping) {
      if (place.hasServed) {
        if (clock.nowMs() - place.startedMs >= HEALTHY_MS) place.delay.startOver()
        const delayMs = place.delay.nextDelayMs()
        log.error(
          { ...details, delayMs },
          'a process has ended and is started again; its clients must come back',
        )
        place.restart = clock.after(delayMs, () => this.open(place))
      } else {
        this.fail(err === undefined ? endedAtStart(place.number, code) : notStarted(place.number, err))
      }
    }
    this.changed()
  }

  private async allAccept(signal: AbortSignal): Promise<void> {
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    const accepting = this.until(() => this.places.every(({ accepting }) => accepting !== undefined))
    const failed = this.failed.then(error => Promise.reject(error))
    await Promise.race([accepting, failed, aborted])
  }

  private until(condition: () => boolean): Promise<void> {
    return new Promise(resolve => {
      const look = () => {
        if (condition()) resolve()
      }
      this.changed = look
      look()
    })
  }

  private states(): ProcessState[] {
    const oldestMs = this.deps.clock.nowMs() - SILENT_INTERVALS * REPORT_INTERVAL_MS
    return this.places.map(({ number, process, report, reportedMs }) => ({
      process: number,
      pid: process?.pid,
      report: reportedMs < oldestMs ? undefined : report,
      silence:
        process === undefined
          ? 'it has ended and is started again'
          : 'it does not report: it starts, or it hangs',
    }))
  }

  private startFeed(): Promise<EmbeddedFeed> {
    const { log } = this
    return EmbeddedFeed.start({
      ...feedSettings(this.config, '127.0.0.1:0'),
      onFailure: error => this.fail(error),
      onEnd: ticks => log.info({ ticks }, 'the replay has ended'),
    })
  }

  private async listenForAdmin(): Promise<{ host: string; port: number }> {
    const { config, deps } = this
    this.adminAccess = await openAdminAccess(config, this.log)
    this.admin = new AdminServer({
      host: config.adminHost,
      port: config.adminPort,
      view: this.view(),
      page: readPage('dashboard'),
      guard: this.adminAccess.guard,
      clock: deps.clock,
      log: this.log,
    })
    return await this.admin.listen()
  }
}
