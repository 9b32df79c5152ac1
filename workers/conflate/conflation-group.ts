/**
 * A conflation group: the symbols whose latest ticks an audience gets at one interval. One lane's own.
 * A tick does nothing to its groups, but wakes those that are READY. When the interval ends, the group looks at its
 * symbols.
 */
import type { GroupProgress } from '../../src/lane-protocol/lane-task.js'
import type { LaneAudience } from '../collect/lane-audience.js'
import { NOT_QUEUED } from './due-queue.js'
import type { LatestTick } from './latest-tick.js'

// States of a group, see ConflationSchedule.

/** No client has joined: the group counts and sends nothing. */
export const UNOPENED = 0
/** No interval runs and nothing waits: the next tick of its symbols is sent at once. */
export const READY = 1
/** An interval runs. */
export const WAITING = 2
/** The lane sends its latest ticks with the next turn. */
export const FLUSHING = 3
/** The audience has closed. */
export const CLOSED = 4

export type GroupState = typeof UNOPENED | typeof READY | typeof WAITING | typeof FLUSHING | typeof CLOSED

/** A symbol as its groups see it. */
export interface ConflatedSymbol {
  /** Its latest tick of each kind, by the index of the kind. */
  readonly latest: readonly (LatestTick | undefined)[]
  /** Groups with an interval that may be READY: the symbol's next tick wakes them. */
  ready: Set<ConflationGroup> | undefined
}

export class ConflationGroup {
  readonly audience: LaneAudience
  /** Its index in the audience's `spec.latest`. */
  readonly index: number
  readonly intervalMs: number
  /** Its symbols, as far as the table keeps them. */
  readonly symbols: ConflatedSymbol[] = []
  /** Written by the schedule alone. */
  state: GroupState
  /** All ticks up to this serial were sent, or later ones in their place; maybe by an earlier lane. */
  flushedSerial: number
  /** Ticks of its symbols up to there, since the lane knows of them. */
  ticksTotal: number
  /** Whether it was flushed early in this interval, for a client that joined. */
  wasFlushedEarly = false
  /** When the interval ends, ms. */
  dueMs = 0
  /** Its index in the due queue. */
  dueIndex = NOT_QUEUED

  constructor(audience: LaneAudience, index: number, intervalMs: number, progress: GroupProgress | null) {
    this.audience = audience
    this.index = index
    this.intervalMs = intervalMs
    this.state = progress === null ? UNOPENED : READY
    this.flushedSerial = progress?.flushedSerial ?? 0
    this.ticksTotal = progress?.ticksTotal ?? 0
  }

  get isOpen(): boolean {
    return this.state !== UNOPENED && this.state !== CLOSED
  }

  /** Begins to count its ticks: the first client joins. */
  begin(serial: number): void {
    this.flushedSerial = serial
    this.ticksTotal = this.countTicks()
  }

  /** Whether some of its ticks were not sent yet. */
  hasDirtyTicks(): boolean {
    const { flushedSerial, symbols } = this
    for (let index = 0; index < symbols.length; index++) {
      const { latest } = symbols[index]!
      for (let kind = 0; kind < latest.length; kind++) {
        const tick = latest[kind]
        if (tick !== undefined && tick.serial > flushedSerial) return true
      }
    }
    return false
  }

  /** The ticks that were not sent yet, in the order of their serials. */
  dirtyTicks(): LatestTick[] {
    const { flushedSerial, symbols } = this
    const ticks: LatestTick[] = []
    for (let index = 0; index < symbols.length; index++) {
      const { latest } = symbols[index]!
      for (let kind = 0; kind < latest.length; kind++) {
        const tick = latest[kind]
        if (tick !== undefined && tick.serial > flushedSerial) ticks.push(tick)
      }
    }
    return ticks.sort(bySerial)
  }

  /** All ticks of its symbols so far. */
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

/** Sorts latest ticks by their serials. */
export function bySerial(a: LatestTick, b: LatestTick): number {
  return a.serial - b.serial
}

/** Lets the symbol's next tick wake the group. */
export function wakeWith(symbol: ConflatedSymbol, group: ConflationGroup): void {
  if (symbol.ready === undefined) symbol.ready = new Set([group])
  else symbol.ready.add(group)
}
