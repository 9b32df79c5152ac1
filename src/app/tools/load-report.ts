/**
 * The report of a load, as a text for people. Any thread. Pure. Its JSON is the report itself.
 */
import type { LoadFacts, LoadVerdict } from './load-verdict.js'
import { shortBytes, shortDuration, shortNumber } from './short-number.js'

export interface LoadReport extends LoadFacts {
  readonly url: string
  readonly durationMs: number
  readonly messages: number
  readonly bytes: number
  readonly merged: number
  readonly firstError: string | undefined
  /** From the arrival of the oldest tick of a message at the gateway to the client. */
  readonly latency: {
    readonly p50Us: number
    readonly p90Us: number
    readonly p99Us: number
    readonly p999Us: number
    readonly maxUs: number
    /** Upper bounds of the buckets; the last has none. */
    readonly boundsUs: readonly (number | null)[]
    readonly counts: readonly number[]
  }
  /** How far the clock of the gateway is ahead of that of this machine. It is taken into account. */
  readonly clockAheadUs: number
  readonly verdict: LoadVerdict
}

const BAR_WIDTH = 40
const LIMITS: Readonly<Record<LoadVerdict['limit'], string>> = {
  none: 'Neither the gateway nor this generator was at its limit.',
  gateway: 'The gateway was at its limit, or lost something:',
  generator: 'This generator was at its limit:',
}

export function loadReportText(report: LoadReport): string {
  const { bytes, clients, connected, durationMs, latency, merged, messages, ticks, url, verdict } = report
  const perS = (count: number) => (count * 1000) / durationMs
  const lines = [
    `${url}: ${connected} of ${clients} clients for ${(durationMs / 1000).toFixed(1)} s`,
    '',
    `ticks      ${shortNumber(perS(ticks))}/s, ${shortNumber(ticks)} in all${merged > 0 ? `, ${shortNumber(merged)} older ones left out` : ''}`,
    `messages   ${shortNumber(perS(messages))}/s, ${messages === 0 ? '0' : shortNumber(ticks / messages)} ticks in each`,
    `bytes      ${shortBytes(perS(bytes))}/s`,
    `latency    p50 ${shortDuration(latency.p50Us)}, p90 ${shortDuration(latency.p90Us)}, p99 ${shortDuration(latency.p99Us)}, p99.9 ${shortDuration(latency.p999Us)}, longest ${shortDuration(latency.maxUs)}`,
    `generator  busy ${Math.round(report.generatorUtilisation * 100)} % of the time`,
    ...histogramLines(latency),
    '',
    LIMITS[verdict.limit],
    ...verdict.reasons.map(reason => `- ${reason}`),
    ...(report.firstError === undefined ? [] : [`- the first silent error: ${report.firstError}`]),
  ]
  return `${lines.join('\n')}\n`
}

function histogramLines({ boundsUs, counts }: LoadReport['latency']): string[] {
  const first = counts.findIndex(count => count > 0)
  const last = counts.findLastIndex(count => count > 0)
  if (first < 0) return []
  const most = Math.max(...counts)
  const sum = counts.reduce((total, count) => total + count, 0)
  const rows = counts.slice(first, last + 1).map((count, index) => {
    const bound = boundsUs[first + index]
    const name = bound === null || bound === undefined ? 'more' : `≤ ${shortDuration(bound)}`
    const bar = '#'.repeat(Math.ceil((count / most) * BAR_WIDTH))
    return `  ${name.padStart(10)}  ${((count / sum) * 100).toFixed(1).padStart(5)} %  ${bar}`.trimEnd()
  })
  return ['', ...rows]
}
