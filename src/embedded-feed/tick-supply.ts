/**
 * A source of ticks for the pump, in the order of their due times. Feed's thread.
 * One tick object is filled again for each tick: the pump encodes it before it takes the next one.
 */
import type { TickToEncode } from '../ticks/market-tick-encoder.js'

/** `wait`: no tick is ready; call `ready`, then `next` again. */
export type SupplyResult = 'tick' | 'wait' | 'end'

export interface TickSupply {
  /** The tick that `next` filled last. */
  readonly tick: TickToEncode
  /** When that tick is due, in milliseconds after the first tick. Never goes back. */
  readonly dueMs: number

  next(): SupplyResult

  /** Resolves when `next` has another result. Rejects with a `RingcastError` when the supply has failed. */
  ready(): Promise<void>

  close(): Promise<void>
}
