/** How far the clients of a gateway are behind, as metrics show it. Any thread. */

/** Lags above these are counted, ms. */
export const LAG_STEPS_MS = [100, 1_000, 5_000] as const

export interface LagView {
  /** Clients whose sockets have not taken the last write. */
  readonly blocked: number
  /** The longest lag of a client now, ms. */
  readonly maxMs: number
  /** Clients with a lag above each of `LAG_STEPS_MS`. */
  readonly above: readonly number[]
}
