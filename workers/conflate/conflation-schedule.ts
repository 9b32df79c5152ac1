/**
 * When the latest ticks of a lane's conflated parts are sent. One lane's own.
 *
 *            the interval is over                 sent
 *   waiting ──────────────────────► flushing ──────────────► waiting, with an interval of 0 nowhere
 *       │    and ticks have come        ▲
 *       └───────────────────────────► resting                until a tick of one of its symbols comes
 *            and none has come
 */

import { removeItem } from '../../src/common/remove-item.js'
import type { SymbolEntry } from '../read/symbol-table.js'
import type { ConflationGroup } from './conflation-group.js'
import { DueQueue, NOT_DUE } from './due-queue.js'

export class ConflationSchedule {
  /** Parts whose latest ticks are to be sent this turn. */
  readonly flushing: ConflationGroup[] = []
  private readonly waiting = new DueQueue()

  /** When the soonest interval is over, ms; infinity when there is none. */
  get nextMs(): number {
    return this.waiting.nextMs
  }

  /** A part that has begun, maybe in an earlier lane. */
  start(part: ConflationGroup, nowMs: number): void {
    if (part.intervalMs === 0 && part.hasNews()) this.flushSoon(part)
    else this.wait(part, nowMs)
  }

  /** Those that wait for nothing but a tick of the symbol are to be sent. */
  tickCame({ immediate, resting }: SymbolEntry): void {
    for (let index = 0; index < immediate.length; index++) this.flushSoon(immediate[index]!)
    if (resting === undefined || resting.size === 0) return
    for (const part of resting) {
      if (!part.isResting) continue
      part.isResting = false
      this.flushSoon(part)
    }
    resting.clear()
  }

  flushSoon(part: ConflationGroup): void {
    if (part.isFlushing || part.isClosed || !part.hasBegun) return
    part.isFlushing = true
    this.flushing.push(part)
  }

  /**
   * Sends what a part has before its interval is over, so that somebody can join, unless that was done before in this interval:
   * its members want to be sent something at most so often.
   */
  hurry(part: ConflationGroup): void {
    if (part.intervalMs > 0 && part.wasHurried) return
    part.wasHurried = true
    this.flushNow(part)
  }

  /** Sends what a part has, whatever its members want. */
  flushNow(part: ConflationGroup): void {
    this.waiting.remove(part)
    this.flushSoon(part)
  }

  /** Looks at the parts whose interval is over. */
  noteDue(nowMs: number): void {
    let part = this.waiting.takeDue(nowMs)
    while (part !== undefined) {
      part.wasHurried = false
      if (part.hasNews()) this.flushSoon(part)
      else part.rest()
      part = this.waiting.takeDue(nowMs)
    }
  }

  /** All that were to be sent have been. */
  flushed(nowMs: number): void {
    const { flushing } = this
    for (let index = 0; index < flushing.length; index++) {
      const part = flushing[index]!
      part.isFlushing = false
      this.wait(part, nowMs)
    }
    flushing.length = 0
  }

  close(part: ConflationGroup): void {
    part.isClosed = true
    this.waiting.remove(part)
    removeItem(this.flushing, part)
  }

  private wait(part: ConflationGroup, nowMs: number): void {
    if (part.intervalMs === 0 || part.dueIndex !== NOT_DUE || part.isClosed) return
    part.dueMs = nowMs + part.intervalMs
    this.waiting.push(part)
  }
}
