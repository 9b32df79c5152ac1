/**
 * Ticks in the order of their due times, made or read one after another: what the pump appends to the history.
 * Feed's thread. One record is filled again and again; nobody keeps it.
 */
import type { TickToEncode } from '../ticks/market-tick-encoder.js'

/** `wait`: there is nothing at hand, `ready` tells when to ask again. */
export type SupplyResult = 'tick' | 'wait' | 'end'

export interface TickSupply {
  /** The tick that `next` gave last. */
  readonly tick: TickToEncode
  /** When that tick is due, in milliseconds after the first; never goes back. */
  readonly dueMs: number

  next(): SupplyResult

  /** Resolves when `next` no longer says `wait`; rejects with a `RingcastError` where there is no going on. */
  ready(): Promise<void>

  close(): Promise<void>
}
