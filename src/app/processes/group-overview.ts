/**
 * The overview of several gateways on one port: sums, and the lanes, clients and events of all. Main thread. Pure.
 */
import { chooseClients } from '../../metrics/client-view.js'
import {
  EVENTS_MAX,
  type Overview,
  type OverviewEvent,
  type OverviewProcess,
  SLOWEST_MAX,
} from '../../metrics/overview.js'
import { sumOfHistograms, sums } from './group-view.js'

export interface GroupOverviewFacts {
  /** Of the gateways that have answered, at least one. */
  readonly overviews: readonly Overview[]
  /** Of the first process. */
  readonly events: readonly OverviewEvent[]
  readonly ready: boolean
  /** All of them, also those that do not run. */
  readonly processes: readonly OverviewProcess[]
}

export function groupOverview({ events, overviews, processes, ready }: GroupOverviewFacts): Overview {
  const byProcess = [...overviews].sort((a, b) => a.processes[0]!.process - b.processes[0]!.process)
  const first = byProcess[0]!
  const sources = byProcess.map(({ source }) => source)
  return {
    version: first.version,
    atMs: Math.max(...byProcess.map(({ atMs }) => atMs)),
    startedMs: Math.min(...byProcess.map(({ startedMs }) => startedMs)),
    ready,
    source: {
      ...(sources.find(({ state }) => state !== 'live') ?? sources[0]!),
      isPaused: sources.some(({ isPaused }) => isPaused),
    },
    clients: {
      ...sums(byProcess.map(({ clients }) => ({ ...clients }))),
      lagMaxMs: Math.max(...byProcess.map(({ clients }) => clients.lagMaxMs)),
    },
    totals: sums(byProcess.map(({ totals }) => ({ ...totals }))),
    latency: sumOfHistograms(byProcess.map(({ latency }) => latency)),
    feedLatency: sumOfHistograms(byProcess.map(({ feedLatency }) => feedLatency)),
    lanes: byProcess.flatMap(({ lanes }) => lanes),
    slowest: chooseClients(
      byProcess.flatMap(({ slowest }) => slowest),
      { sort: 'lag', limit: SLOWEST_MAX },
    ),
    // All read one feed: the sample of one of them stands for all.
    symbols: byProcess
      .map(({ symbols }) => symbols)
      .reduce((most, next) => (next.ticks > most.ticks ? next : most)),
    events: [...events, ...byProcess.flatMap(each => each.events)]
      .sort((a, b) => a.atMs - b.atMs)
      .slice(-EVENTS_MAX),
    processes,
  }
}
