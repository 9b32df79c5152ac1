/**
 * How far one call of the feed has come: connected, answered, delivering. Main thread.
 * It decides whether the call counts as live, and as a success when it ends.
 */
import type { Clock } from '../../common/clock.js'

/** A feed need not answer before its first tick. If it wants to refuse the call, it does so within this time. */
export const ACCEPTED_AFTER_MS = 1_000
/** A call that stood for so long was no failure, although no tick came: a market may be quiet. */
export const HEALTHY_CALL_MS = 10_000

export class CallProgress {
  private readonly clock: Clock
  private readonly startedMs: number
  private connectedMs: number | undefined
  private _isOpen = false
  private _hasDelivered = false

  /** The call begins now. */
  constructor(clock: Clock) {
    this.clock = clock
    this.startedMs = clock.nowMs()
  }

  /** The connection stands, and the call is on its way. */
  connected(): void {
    this.connectedMs ??= this.clock.nowMs()
  }

  /** The feed has answered with its metadata. */
  opened(): void {
    this.connected()
    this._isOpen = true
  }

  delivered(): void {
    this._hasDelivered = true
  }

  get isOpen(): boolean {
    return this._isOpen
  }

  get hasDelivered(): boolean {
    return this._hasDelivered
  }

  get ageMs(): number {
    return this.clock.nowMs() - this.startedMs
  }

  /** Whether the feed has accepted the call, as far as anybody can tell. */
  get isLive(): boolean {
    return this._isOpen || this.connectedForMs >= ACCEPTED_AFTER_MS
  }

  /** Whether the call is a success, however it ends. */
  get hasServed(): boolean {
    return this._hasDelivered || this.connectedForMs >= HEALTHY_CALL_MS
  }

  private get connectedForMs(): number {
    return this.connectedMs === undefined ? -1 : this.clock.nowMs() - this.connectedMs
  }
}
