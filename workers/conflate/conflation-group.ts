/**
 * Those symbols of an audience of which the latest ticks are wanted at one interval. One lane's own.
 * Nothing is done for it when a tick comes by (unless the interval is 0): when it is due, it looks at what its symbols have
 * become.
 */
import type { GroupProgress } from '../../src/lane-protocol/lane-task.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import type { SymbolEntry } from '../read/symbol-table.js'
import { NOT_DUE } from './due-queue.js'
import type { LatestTick } from './latest-ticks.js'

export class ConflationGroup {
  readonly audience: LaneAudience
  /** Its place in `audience.parts`. */
  readonly index: number
  readonly intervalMs: number
  /** Those that have come by, or are named. */
  readonly symbols: SymbolEntry[] = []
  /** Whether somebody has joined. Before that nothing is sent. */
  hasBegun: boolean
  /** All ticks up to this offset were sent, or later ones that stand for them; maybe by an earlier lane. */
  flushedOffset: number
  /** Ticks of its symbols up to there, from the first one on that the lane knew of. */
  ticksTotal: number
  /** Whether its ticks were sent before the interval was over, for somebody who joined. */
  wasHurried = false
  /** When its ticks may be sent again, ms. */
  dueMs = 0
  /** Its place in the queue of those that wait for that. */
  dueIndex = NOT_DUE
  /** Whether it stands among those that are about to be sent. */
  isFlushing = false
  /** Whether a look found no ticks, and no interval is waited for: the next tick is to be sent at once. */
  isResting = false
  isClosed = false

  constructor(audience: LaneAudience, index: number, intervalMs: number, progress: GroupProgress | null) {
    this.audience = audience
    this.index = index
    this.intervalMs = intervalMs
    this.hasBegun = progress !== null
    this.flushedOffset = progress?.flushedOffset ?? 0
    this.ticksTotal = progress?.ticksTotal ?? 0
  }

  /** From here on its ticks are counted and sent. */
  begin(offset: number): void {
    this.hasBegun = true
    this.flushedOffset = offset
    this.ticksTotal = this.countTicks()
  }

  /** No tick has come for a whole interval: each of its symbols is to tell of the next. */
  rest(): void {
    this.isResting = true
    for (const symbol of this.symbols) restOn(symbol, this)
  }

  /** Whether some tick waits to be sent. */
  hasNews(): boolean {
    const { flushedOffset, symbols } = this
    for (let index = 0; index < symbols.length; index++) {
      const { latest } = symbols[index]!
      for (let kind = 0; kind < latest.length; kind++) {
        const tick = latest[kind]
        if (tick !== undefined && tick.offset > flushedOffset) return true
      }
    }
    return false
  }

  /** The ticks that wait to be sent are put into `news`. */
  collectNews(news: LatestTick[]): void {
    const { flushedOffset, symbols } = this
    for (let index = 0; index < symbols.length; index++) {
      const { latest } = symbols[index]!
      for (let kind = 0; kind < latest.length; kind++) {
        const tick = latest[kind]
        if (tick !== undefined && tick.offset > flushedOffset) news.push(tick)
      }
    }
  }

  /** Ticks of its symbols so far. */
  countTicks(): number {
    const { symbols } = this
    let count = 0
    for (let index = 0; index < symbols.length; index++) {
      const { latest } = symbols[index]!
      for (let kind = 0; kind < latest.length; kind++) count += latest[kind]?.count ?? 0
    }
    return count
  }
}

/** Lets the symbol's next tick find the part. */
export function restOn(symbol: SymbolEntry, part: ConflationGroup): void {
  if (symbol.resting === undefined) symbol.resting = new Set([part])
  else symbol.resting.add(part)
}
