/** All metrics of one gateway, as `/metrics.json` shows them. Any thread. */
import type { ServerMetric } from './metric-table.js'
import type { MetricsView } from './metrics-view.js'
import type { ProcessView } from './process-watch.js'

export interface GatewayMetrics extends MetricsView {
  readonly server: Readonly<Record<ServerMetric, number>>
  readonly runtime: ProcessView
}
