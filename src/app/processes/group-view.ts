/**
 * The state of all gateways of a group as one: sums, and each gateway by itself. Main thread. Pure.
 */
import type { Checks, LivenessView } from '../../admin/admin-view.js'
import type { GatewayMetrics } from '../../metrics/gateway-metrics.js'
import { type HistogramView, quantileUs, type SizeHistogramView } from '../../metrics/histogram.js'
import { isReady, type Readiness } from '../readiness.js'
import type { GatewayReport } from './group-messages.js'

/** The newest state of one process. */
export interface ProcessState {
  readonly process: number
  readonly pid: number | undefined
  /** Undefined: it has ended, or has not reported for too long. */
  readonly report: GatewayReport | undefined
  /** Why there is no report. */
  readonly silence: string
}

/** What `/metrics.json` shows of a group. Counters and histograms are sums over the processes. */
export interface GroupMetrics
  extends Partial<
    Pick<GatewayMetrics, 'counters' | 'server' | 'latency' | 'feedLatency' | 'answerLatency' | 'writeSizes'>
  > {
  /** The metrics of each gateway, as a single gateway shows them. */
  readonly processes: readonly ({
    readonly process: number
    readonly pid: number | undefined
  } & Partial<GatewayMetrics>)[]
}

export function groupMetrics(states: readonly ProcessState[]): GroupMetrics {
  const known = states.flatMap(({ report }) => (report?.metrics === undefined ? [] : [report.metrics]))
  const processes = states.map(({ process, pid, report }) => ({ process, pid, ...report?.metrics }))
  if (known.length === 0) return { processes }
  return {
    counters: sums(known.map(({ counters }) => counters)),
    server: sums(known.map(({ server }) => server)),
    latency: sumOfHistograms(known.map(({ latency }) => latency)),
    feedLatency: sumOfHistograms(known.map(({ feedLatency }) => feedLatency)),
    answerLatency: sumOfHistograms(known.map(({ answerLatency }) => answerLatency)),
    writeSizes: sumOfSizes(known.map(({ writeSizes }) => writeSizes)),
    processes,
  }
}

/** Ready while one process is: connections are only given to processes that accept them. */
export function groupReadiness(states: readonly ProcessState[], excluded: ReadonlySet<string>): Readiness {
  const checks = Object.fromEntries(
    states.map(({ process, report, silence }) => [`process ${process}`, wordsOf(report, silence, excluded)]),
  )
  const ready = states.some(({ report }) => report !== undefined && isReady(report.checks, excluded))
  return { ready, checks }
}

/** Live while one process is. One that has ended is started again, and that is no reason to end the others. */
export function groupLiveness(states: readonly ProcessState[]): LivenessView {
  const checks = Object.fromEntries(
    states.map(({ process, report, silence }) => [
      `process ${process}`,
      report === undefined ? silence : faultsOf(report.liveness.checks) || 'ok',
    ]),
  )
  return { live: states.some(({ report }) => report?.liveness.live === true), checks }
}

function wordsOf(report: GatewayReport | undefined, silence: string, excluded: ReadonlySet<string>): string {
  if (report === undefined) return silence
  return isReady(report.checks, excluded) ? 'ok' : faultsOf(report.checks)
}

function faultsOf(checks: Checks): string {
  const faults = Object.entries(checks).filter(([, check]) => check !== 'ok')
  return faults.map(([name, check]) => `${name}: ${check}`).join('; ')
}

export function sums<Key extends string>(
  views: readonly Readonly<Record<Key, number>>[],
): Record<Key, number> {
  const total = { ...views[0]! } as Record<Key, number>
  for (const view of views.slice(1)) for (const key of Object.keys(total) as Key[]) total[key] += view[key]
  return total
}

function sumOfSizes(views: readonly SizeHistogramView[]): SizeHistogramView {
  const { boundsBytes } = views[0]!
  return {
    boundsBytes,
    counts: boundsBytes.map((_, bucket) => views.reduce((sum, view) => sum + view.counts[bucket]!, 0)),
    count: views.reduce((sum, { count }) => sum + count, 0),
    sumBytes: views.reduce((sum, { sumBytes }) => sum + sumBytes, 0),
  }
}

export function sumOfHistograms(views: readonly HistogramView[]): HistogramView {
  const { boundsUs } = views[0]!
  const counts = boundsUs.map((_, bucket) => views.reduce((sum, view) => sum + view.counts[bucket]!, 0))
  return {
    boundsUs,
    counts,
    count: views.reduce((sum, { count }) => sum + count, 0),
    sumUs: views.reduce((sum, view) => sum + view.sumUs, 0),
    p50Us: quantileUs(counts, 0.5),
    p99Us: quantileUs(counts, 0.99),
  }
}
