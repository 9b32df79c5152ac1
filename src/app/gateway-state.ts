/**
 * What one gateway tells of itself: to its admin server, or to the first of several processes. Main thread.
 */
import type { AdminView } from '../admin/admin-view.js'
import type { StreamHandler } from '../broadcaster/stream-handler.js'
import type { ClientServer } from '../clients/client-server.js'
import { type Clock, wallUs } from '../common/clock.js'
import type { GatewayMetrics } from '../metrics/gateway-metrics.js'
import { type Overview, SLOWEST_MAX } from '../metrics/overview.js'
import type { ProcessWatch } from '../metrics/process-watch.js'
import type { RecentEvents } from '../metrics/recent-events.js'
import type { TickSource } from '../sources/tick-source.js'
import type { WaitingLoader } from './gateway-input.js'
import { gatewayOverview, NO_SYMBOLS } from './gateway-overview.js'
import { liveness } from './liveness.js'
import type { Answers, GatewayReport, Question } from './processes/group-messages.js'
import { prometheusPage } from './prometheus-page.js'
import { GATEWAY_CHECKS, readiness } from './readiness.js'

/** The parts of a gateway. Some are not there while it starts. */
export interface GatewayParts {
  readonly handler: StreamHandler | undefined
  readonly loader: WaitingLoader | undefined
  readonly source: TickSource | undefined
  readonly server: ClientServer | undefined
  readonly watch: ProcessWatch
  readonly isStopping: boolean
  /** Clients that were refused because the feed had not told its schema. */
  readonly refusedEarly: number
  /** The source of the ticks, as a text for people. */
  readonly sourceName: string
  readonly events: RecentEvents
}

export class GatewayState {
  private readonly parts: () => GatewayParts
  private readonly drain: () => void
  private readonly clock: Clock
  private readonly startedMs: number
  /** 1 for the only gateway. */
  private readonly process: number

  /** @param drain begins the orderly stop */
  constructor(
    parts: () => GatewayParts,
    {
      clock,
      drain,
      process,
    }: { readonly clock: Clock; readonly drain: () => void; readonly process: number },
  ) {
    this.parts = parts
    this.drain = drain
    this.clock = clock
    this.startedMs = nowMs(clock)
    this.process = process
  }

  overview(): Overview {
    const { events, handler, loader, source, sourceName } = this.parts()
    return gatewayOverview({
      process: this.process,
      atMs: nowMs(this.clock),
      startedMs: this.startedMs,
      report: this.report(),
      upstream: source?.status() ?? loader?.status(),
      sourceName,
      slowest: handler?.getClients({ sort: 'lag', limit: SLOWEST_MAX }) ?? [],
      symbols: handler?.sampleSymbols() ?? NO_SYMBOLS,
      events: events.newest,
    })
  }

  /** Before the handler is there, there is nothing to measure. @param excluded checks that do not make it unready */
  report(excluded?: ReadonlySet<string>): GatewayReport {
    const { handler, isStopping, loader, server, source, watch } = this.parts()
    return {
      metrics:
        handler === undefined || server === undefined
          ? undefined
          : { ...handler.getMetrics(), server: this.serverCounters(server), runtime: watch.view() },
      ...readiness(
        {
          isStopping,
          areLanesHealthy: handler?.isHealthy() ?? false,
          hasRoomForLatest: handler?.hasRoomForLatest() ?? true,
          upstream: source?.status() ?? loader?.status(),
        },
        excluded,
      ),
      liveness: liveness({ lateForMs: watch.lateForMs, laneTroubleMs: handler?.laneTroubleMs() ?? 0 }),
    }
  }

  view(): AdminView {
    return {
      metrics: () => {
        const { server } = this.parts()
        return this.report().metrics ?? { server: server && this.serverCounters(server) }
      },
      prometheus: () => prometheusPage([{ process: 1, report: this.report() }]),
      liveness: () => this.report().liveness,
      checkNames: GATEWAY_CHECKS,
      readiness: excluded => {
        const { checks, ready } = this.report(excluded)
        return { ready, checks }
      },
      details: () => this.details(),
      clients: {
        list: async query => this.answer({ kind: 'clients', query }),
        close: async id => this.answer({ kind: 'close', id }),
      },
      overview: async () => this.overview(),
      drain: this.drain,
    }
  }

  answer<Kind extends Question['kind']>(question: Question & { readonly kind: Kind }): Answers[Kind]
  answer(question: Question): Answers[Question['kind']] {
    const { handler } = this.parts()
    switch (question.kind) {
      case 'clients':
        return handler?.getClients(question.query) ?? []
      case 'close':
        return handler?.closeClient(question.id) ?? false
      case 'overview':
        return this.overview()
    }
  }

  private details(): unknown {
    const { metrics } = this.report()
    const { loader, source } = this.parts()
    if (metrics === undefined) return { upstream: source?.status() ?? loader?.status() }
    const { clientsMax, counters, epoch, isUpstreamPaused, lag, lanes, offset, runtime } = metrics
    return {
      upSinceS: runtime.startS,
      upstream: source?.status(),
      isUpstreamPaused,
      epoch,
      offset,
      clients: counters.connectionsActive,
      clientsMax,
      lag,
      lanes: lanes.map(({ lane, queueDepth, utilisation }) => ({ lane, queueDepth, utilisation })),
    }
  }

  private serverCounters(server: ClientServer): GatewayMetrics['server'] {
    return { ...server.counters(), refusedFeedUnknown: this.parts().refusedEarly }
  }
}

/** Since the Unix epoch. */
function nowMs(clock: Clock): number {
  return Math.round(wallUs(clock) / 1000)
}
