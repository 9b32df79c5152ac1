/** The process as the admin server sees it. It asks with each request. Main thread. */
import type { ClientQuery, ClientRow } from '../metrics/client-view.js'
import type { Overview } from '../metrics/overview.js'

/** For each check "ok", or what is wrong. */
export type Checks = Readonly<Record<string, string>>

export interface ReadinessView {
  /** Not ready: the load balancer should send no clients now. */
  readonly ready: boolean
  readonly checks: Checks
}

export interface LivenessView {
  /** False: the orchestrator should restart the process. */
  readonly live: boolean
  readonly checks: Checks
}

/** Of a gateway. */
export interface ClientsView {
  list(query: ClientQuery): Promise<readonly ClientRow[]>
  /** @returns false when there is no such client */
  close(id: string): Promise<boolean>
}

export interface AdminView {
  /** Any JSON value. */
  metrics(): unknown
  /** The same for Prometheus, in its text format. */
  prometheus(): Promise<string>
  liveness(): LivenessView
  /** The checks that a request may exclude. */
  readonly checkNames: readonly string[]
  /** @param excluded the checks that do not make it unready */
  readiness(excluded: ReadonlySet<string>): ReadinessView
  /** For people, beside the checks: any JSON value. */
  details(): unknown
  /** Undefined: the process has no clients. */
  readonly clients: ClientsView | undefined
  /** What the dashboard shows. Resolves to undefined when no gateway answers. Undefined: the process has no clients. */
  readonly overview: (() => Promise<Overview | undefined>) | undefined
  /** Begins the orderly stop. Called twice, it does nothing more. */
  drain(): void
}
