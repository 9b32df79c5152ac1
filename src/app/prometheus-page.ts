/**
 * What `/metrics` shows: the metrics of each gateway, its state, and the build. Main thread.
 */
import type { Checks } from '../admin/admin-view.js'
import type { GatewayMetrics } from '../metrics/gateway-metrics.js'
import { METRIC_FAMILIES, type MetricFamily, type Sample } from '../metrics/metric-families.js'
import { prometheusText } from '../metrics/prometheus.js'
import { packageVersion } from './package-version.js'

/** One gateway of this machine. */
export interface ShownGateway {
  /** Its number; 1 for the only one. */
  readonly process: number
  /** Undefined: it starts, has ended, or hangs. */
  readonly report:
    | { readonly metrics: GatewayMetrics | undefined; readonly checks: Checks; readonly ready: boolean }
    | undefined
}

type Reported = Pick<ShownGateway, 'process'> & {
  readonly report: Omit<NonNullable<ShownGateway['report']>, 'metrics'> | undefined
}

/** What a gateway tells also when it has no metrics. */
export const STATE_FAMILIES: readonly MetricFamily<Reported>[] = [
  {
    name: 'ringcast_build_info',
    help: 'The version of Ringcast and of Node; always 1.',
    type: 'gauge',
    labels: ['version', 'node'],
    read: () => [{ labels: { version: packageVersion(), node: process.version }, value: 1 }],
  },
  {
    name: 'ringcast_process_up',
    help: 'Whether the gateway of this number runs and reports: 1 or 0.',
    type: 'gauge',
    labels: [],
    read: ({ report }) => [{ labels: {}, value: report === undefined ? 0 : 1 }],
  },
  {
    name: 'ringcast_ready',
    help: 'Whether clients should be sent here, as /readyz says: 1 or 0.',
    type: 'gauge',
    labels: [],
    read: ({ report }) => [{ labels: {}, value: report?.ready === true ? 1 : 0 }],
  },
  {
    name: 'ringcast_check',
    help: 'Each check of /readyz: 1 or 0.',
    type: 'gauge',
    labels: ['check'],
    read: ({ report }) =>
      Object.entries(report?.checks ?? {}).map(([check, words]) => ({
        labels: { check },
        value: words === 'ok' ? 1 : 0,
      })),
  },
]

export function prometheusPage(gateways: readonly ShownGateway[]): Promise<string> {
  const states = STATE_FAMILIES.map(family => ({
    family,
    samples: gateways.flatMap(gateway => family.read(gateway).map(sample => ofProcess(gateway, sample))),
  }))
  const metrics = METRIC_FAMILIES.map(family => ({
    family,
    samples: gateways.flatMap(gateway => {
      const known = gateway.report?.metrics
      return known === undefined ? [] : family.read(known).map(sample => ofProcess(gateway, sample))
    }),
  }))
  return prometheusText([...states, ...metrics])
}

function ofProcess(gateway: ShownGateway, { labels, value }: Sample): Sample {
  return { labels: { process: String(gateway.process), ...labels }, value }
}
