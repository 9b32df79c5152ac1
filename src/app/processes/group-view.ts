/**
 * The state of all gateways of a group as one: sums, and each gateway by itself. Main thread. Pure.
 */
import { type HistogramView, quantileUs } from '../../metrics/histogram.js'
import type { Readiness } from '../readiness.js'
import type { GatewayMetrics, GatewayReport } from './group-messages.js'

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
  extends Partial<Pick<GatewayMetrics, 'counters' | 'server' | 'latency' | 'answerLatency'>> {
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
    answerLatency: sumOfHistograms(known.map(({ answerLatency }) => answerLatency)),
    processes,
  }
}

/** Ready while one process is: connections are only given to processes that accept them. */
export function groupReadiness(states: readonly ProcessState[]): Readiness {
  const checks = Object.fromEntries(
    states.map(({ process, report, silence }) => [`process ${process}`, wordsOf(report, silence)]),
  )
  return { ready: states.some(({ report }) => report?.ready === true), checks }
}

function wordsOf(report: GatewayReport | undefined, silence: string): string {
  if (report === undefined) return silence
  if (report.ready) return 'ok'
  const faults = Object.entries(report.checks).filter(([, check]) => check !== 'ok')
  return faults.map(([name, check]) => `${name}: ${check}`).join('; ')
}

function sums<Key extends string>(views: readonly Readonly<Record<Key, number>>[]): Record<Key, number> {
  const total = { ...views[0]! } as Record<Key, number>
  for (const view of views.slice(1)) for (const key of Object.keys(total) as Key[]) total[key] += view[key]
  return total
}

function sumOfHistograms(views: readonly HistogramView[]): HistogramView {
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
