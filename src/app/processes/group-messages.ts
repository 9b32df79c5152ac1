/**
 * What the first process and its gateways say to each other. Main thread. JSON over the channel between the processes.
 */

import type { ServerMetric } from '../../metrics/metric-table.js'
import type { MetricsView } from '../../metrics/metrics-view.js'

/** From the first process. */
export type ToGateway =
  /** `upstream`: the feed to read in place of the embedded one; null: as the settings say. */
  | { readonly op: 'start'; readonly process: number; readonly upstream: readonly string[] | null }
  /** `isPolled`: something asks if the gateways are ready, so each waits until it has seen that they are not. */
  | { readonly op: 'stop'; readonly isPolled: boolean }
  /** Files that have changed are to be read again. */
  | { readonly op: 'reload' }

/** To the first process. */
export type FromGateway =
  /** It listens to orders now. Orders that are sent before are lost. */
  | { readonly op: 'ready' }
  | { readonly op: 'accepting'; readonly webSocketUrl: string; readonly feed: string }
  | { readonly op: 'report'; readonly report: GatewayReport }

/** The state of one gateway. */
export interface GatewayReport {
  /** Undefined while the gateway starts. */
  readonly metrics: GatewayMetrics | undefined
  /** For each check "ok", or the reason why it has failed. */
  readonly checks: Readonly<Record<string, string>>
  readonly ready: boolean
}

export interface GatewayMetrics extends MetricsView {
  readonly server: Readonly<Record<ServerMetric, number>>
}

/** A gateway reports its state so often, ms. */
export const REPORT_INTERVAL_MS = 500
