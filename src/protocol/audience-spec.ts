/**
 * What the members of an audience have in common, and so what decides about the bytes they get. Any thread.
 * Two clients with the same key share an audience.
 */

export interface AudienceSpec {
  /** The symbols wanted, sorted and without doubles; null: all. */
  readonly symbols: readonly string[] | null
  /** Whether the ticks of a turn share one message; otherwise each tick is a message. */
  readonly batch: boolean
}

export function audienceKey(spec: AudienceSpec): string {
  return JSON.stringify([spec.batch, spec.symbols])
}
