/**
 * Decides when the lane sends the latest ticks of its conflation groups, and alone writes their states. One lane's own.
 *
 *               start         interval ends, ticks came          flushed
 *   UNOPENED ─────────► WAITING ──────────────────────► FLUSHING ────────► WAITING, with an interval of 0 READY
 *                          │                               ▲
 *                          └───────────► READY ────────────┘
 *               interval ends, no tick came   a tick comes
 */

import { removeItem } from '../../src/common/remove-item.js'
import { CLOSED, type ConflationGroup, FLUSHING, READY, WAITING, wakeWith } from './conflation-group.js'
import { DueQueue } from './due-queue.js'

/** The groups that a tick of a symbol may wake. */
export interface SymbolGroups {
  /** Groups with an interval of 0. */
  readonly immediate: readonly ConflationGroup[]
  /** Groups with an interval that may be READY. */
  readonly ready: Set<ConflationGroup> | undefined
}

export class ConflationSchedule {
  /** The groups whose latest ticks the lane sends with the next turn. */
  readonly flushing: ConflationGroup[] = []
  private readonly waiting = new DueQueue<ConflationGroup>()

  /** When the next interval ends, ms; infinity when none runs. */
  get nextMs(): number {
    return this.waiting.nextMs
  }

  /** Starts a group that has a client, maybe since an earlier lane. */
  start(group: ConflationGroup, nowMs: number): void {
    group.state = READY
    if (group.intervalMs === 0 && group.hasDirtyTicks()) this.flush(group)
    else this.wait(group, nowMs)
  }

  /** A tick of a symbol has come: flushes the READY groups. */
  tickCame({ immediate, ready }: SymbolGroups): void {
    for (let index = 0; index < immediate.length; index++)
      if (immediate[index]!.state === READY) this.flush(immediate[index]!)
    if (ready === undefined || ready.size === 0) return
    for (const group of ready) if (group.state === READY) this.flush(group)
    ready.clear()
  }

  /**
   * Flushes a group before its interval ends, so that a client can join. Does so once per interval: the members want at
   * most one flush in it.
   */
  flushEarly(group: ConflationGroup): void {
    if (group.intervalMs > 0 && group.wasFlushedEarly) return
    group.wasFlushedEarly = true
    this.flushNow(group)
  }

  /** Flushes an open group, whatever its interval. */
  flushNow(group: ConflationGroup): void {
    this.waiting.remove(group)
    if (group.state !== FLUSHING) this.flush(group)
  }

  /** Looks at the groups whose intervals have ended. */
  endIntervals(nowMs: number): void {
    let group = this.waiting.takeDue(nowMs)
    while (group !== undefined) {
      group.wasFlushedEarly = false
      if (group.hasDirtyTicks()) this.flush(group)
      else {
        group.state = READY
        for (const symbol of group.symbols) wakeWith(symbol, group)
      }
      group = this.waiting.takeDue(nowMs)
    }
  }

  /** All groups of `flushing` were sent: starts their next intervals. */
  flushed(nowMs: number): void {
    const { flushing } = this
    for (let index = 0; index < flushing.length; index++) {
      flushing[index]!.state = READY
      this.wait(flushing[index]!, nowMs)
    }
    flushing.length = 0
  }

  close(group: ConflationGroup): void {
    group.state = CLOSED
    this.waiting.remove(group)
    removeItem(this.flushing, group)
  }

  private flush(group: ConflationGroup): void {
    group.state = FLUSHING
    this.flushing.push(group)
  }

  private wait(group: ConflationGroup, nowMs: number): void {
    if (group.intervalMs === 0) return
    group.state = WAITING
    group.dueMs = nowMs + group.intervalMs
    this.waiting.push(group)
  }
}
