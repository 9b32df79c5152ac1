/**
 * What the first process and its gateways say to each other. Main thread. JSON over the channel between the processes.
 */
import type { Checks, LivenessView } from '../../admin/admin-view.js'
import type { ClientQuery, ClientRow } from '../../metrics/client-view.js'
import type { GatewayMetrics } from '../../metrics/gateway-metrics.js'
import type { Overview } from '../../metrics/overview.js'

/** What the first process asks its gateways. */
export type Question =
  | { readonly kind: 'clients'; readonly query: ClientQuery }
  | { readonly kind: 'close'; readonly id: string }
  | { readonly kind: 'overview' }

/** What a gateway answers to each kind of question. */
export interface Answers {
  readonly clients: readonly ClientRow[]
  /** Whether it has such a client. */
  readonly close: boolean
  readonly overview: Overview
}

/** From the first process. */
export type ToGateway =
  /** `upstream`: the feed to read in place of the embedded one; null: as the settings say. */
  | { readonly op: 'start'; readonly process: number; readonly upstream: readonly string[] | null }
  /** `isPolled`: something asks if the gateways are ready, so each waits until it has seen that they are not. */
  | { readonly op: 'stop'; readonly isPolled: boolean }
  | { readonly op: 'ask'; readonly number: number; readonly question: Question }
  /** Files that have changed are to be read again. */
  | { readonly op: 'reload' }

/** What a process tells when it accepts clients. */
export interface Accepting {
  readonly webSocketUrl: string
  /** The source of the ticks, as a text for people. */
  readonly feed: string
  /** Places for clients that it has. */
  readonly maxClients: number
}

/** To the first process. */
export type FromGateway =
  /** It listens to orders now. Orders that are sent before are lost. */
  | { readonly op: 'ready' }
  | ({ readonly op: 'accepting' } & Accepting)
  | { readonly op: 'report'; readonly report: GatewayReport }
  | { readonly op: 'answer'; readonly number: number; readonly answer: unknown }

/** The state of one gateway. */
export interface GatewayReport {
  /** Undefined while the gateway starts. */
  readonly metrics: GatewayMetrics | undefined
  /** For each check "ok", or the reason why it has failed. */
  readonly checks: Checks
  readonly ready: boolean
  readonly liveness: LivenessView
}

/** A gateway reports its state so often, ms. */
export const REPORT_INTERVAL_MS = 500
