/**
 * Makes the overview of one gateway from what it reports anyway. Main thread.
 */
import type { ClientRow } from '../metrics/client-view.js'
import type { GatewayMetrics } from '../metrics/gateway-metrics.js'
import { Histogram } from '../metrics/histogram.js'
import type { LaneView } from '../metrics/metrics-view.js'
import type {
  Overview,
  OverviewEvent,
  OverviewLane,
  OverviewTotals,
  SymbolSample,
} from '../metrics/overview.js'
import type { SourceStatus } from '../sources/tick-source.js'
import { packageVersion } from './package-version.js'
import type { GatewayReport } from './processes/group-messages.js'

export interface OverviewFacts {
  /** 1 for the only gateway. */
  readonly process: number
  readonly atMs: number
  readonly startedMs: number
  readonly report: GatewayReport
  /** Undefined: there is no source yet. */
  readonly upstream: SourceStatus | undefined
  readonly sourceName: string
  readonly slowest: readonly ClientRow[]
  readonly symbols: SymbolSample
  readonly events: readonly OverviewEvent[]
}

export const NO_SYMBOLS: SymbolSample = { ticks: 0, spanMs: 0, busiest: [] }
const NO_LATENCY = new Histogram().view()

/** A gateway that starts has no metrics: zeros, no lanes, no clients. */
export function gatewayOverview(facts: OverviewFacts): Overview {
  const { atMs, events, process: number, report, slowest, sourceName, startedMs, symbols, upstream } = facts
  const { checks, metrics, ready } = report
  const counters = metrics?.counters
  const lanes = metrics?.lanes ?? []
  const clientsOf = (delivery: 'every' | 'latest'): number =>
    lanes.reduce((sum, { clients }) => sum + clients[delivery], 0)
  return {
    version: packageVersion(),
    atMs,
    startedMs,
    ready,
    source: {
      name: sourceName,
      state: upstream?.state ?? 'connecting',
      isPaused: metrics?.isUpstreamPaused ?? false,
      lastError: upstream?.lastError ?? null,
      reconnects: upstream?.reconnects ?? 0,
      epoch: metrics?.epoch ?? '',
      offset: metrics?.offset ?? 0,
    },
    clients: {
      connected: counters?.connectionsActive ?? 0,
      waiting: counters?.connectionsWaiting ?? 0,
      max: metrics?.clientsMax ?? 0,
      every: clientsOf('every'),
      latest: clientsOf('latest'),
      blocked: metrics?.lag.blocked ?? 0,
      lagMaxMs: metrics?.lag.maxMs ?? 0,
    },
    totals: totalsOf(metrics),
    latency: metrics?.latency ?? NO_LATENCY,
    feedLatency: metrics?.feedLatency ?? NO_LATENCY,
    lanes: lanes.map(lane => laneOf(number, lane)),
    slowest,
    symbols,
    events,
    processes: [{ process: number, pid: process.pid, ready, checks }],
  }
}

function totalsOf(metrics: GatewayMetrics | undefined): OverviewTotals {
  const { counters, server } = metrics ?? {}
  const refusals = Object.entries({ ...counters, ...server }).filter(([key]) => /^refused[A-Z]/.test(key))
  return {
    ticksIn: counters?.ticksReceived ?? 0,
    bytesIn: counters?.bytesReceived ?? 0,
    ticksOut: counters?.ticksBroadcast ?? 0,
    messagesOut: counters?.messages ?? 0,
    bytesOut: counters?.bytesSent ?? 0,
    gaps: counters?.lapped ?? 0,
    ticksDropped: counters?.ticksDroppedSlow ?? 0,
    entered: counters?.connections ?? 0,
    refused: refusals.reduce((sum, [, count]) => sum + count, 0),
    slowEnded: counters?.disconnectSlow ?? 0,
    laneRestarts: counters?.laneRestarts ?? 0,
  }
}

function laneOf(process: number, lane: LaneView): OverviewLane {
  const { audiences, clients, counters, frameRing, isRunning, queueCapacity, queueDepth, restarts } = lane
  return {
    process,
    lane: lane.lane,
    isRunning,
    restarts,
    busyUs: counters.busyUs,
    idleUs: counters.idleUs,
    queueTicks: queueDepth,
    queueTicksMax: queueCapacity,
    ringUsedBytes: frameRing.usedBytes,
    ringBytes: frameRing.bytes,
    turns: counters.turns,
    frameBytes: counters.framesBytes,
    audiences,
    clients: clients.every + clients.latest,
  }
}
