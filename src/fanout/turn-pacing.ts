/**
 * Paces the lanes' turns: docs/decisions/0003-hold-ticks-back-before-saturation.md. Main thread.
 *
 *   a write for each arrival takes less than half of the time   each turn goes out at once
 *   it would take more                                          a turn every `gatherMs`: a write carries several ticks
 *   even that takes more than half                              turns are spaced out until sending takes half, at most
 *                                                               by 2.5 × `gatherMs`
 *
 * A lane may have two turns that the main thread has not acknowledged. To slow a lane down, its turns are acknowledged
 * late. Then one turn stays unacknowledged, so the lane can publish only one more.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { LaneStream } from './lane-stream.js'

/** The load is measured for so long before it is judged. */
const MEASURE_MS = 100
/**
 * Ticks are held back when sending each arrival on its own would take more than this share of the main thread's time.
 */
const GATHER_ABOVE = 0.5
/** Ticks are no longer held back when it would take less than this share. */
const CEASE_BELOW = 0.35
/** Turns are spaced out by `gatherMs`, and at most by this many times `gatherMs`. */
const STRETCH_MAX = 2.5
/** Larger writes would save little: one of 150 bytes costs 8 µs, one of 1,500 bytes 9, one of 15,000 bytes 13. */
const GATHERED_BYTES_MAX = 16 * 1024
/**
 * Ticks of all symbols in a turn that is held back, about. A lane has room for so many; one that is full reads nothing
 * more.
 */
const GATHERED_TICKS_MAX = 2000

export interface TurnPacingDeps {
  readonly streams: readonly LaneStream[]
  /** 0: ticks are never held back. */
  readonly gatherMs: number
  /** For messages and ticks received. */
  readonly counters: CounterWriter
  readonly clock: Pick<Clock, 'nowMs' | 'after'>
}

/** What one lane may publish. */
interface LanePace {
  readonly stream: LaneStream
  /** Turns that have begun and are not acknowledged to the lane. */
  unacknowledged: number
  isInTurn: boolean
  /** Messages with ticks that came before the current turn, and since the turn before. */
  arrivalsBefore: number
  arrivals: number
  /** Runs while the lane is held back. */
  timer: Timer | undefined
}

export class TurnPacing {
  private readonly deps: TurnPacingDeps
  private readonly paces: readonly LanePace[]
  private isGathering = false
  /** For how long ticks that come now are held back. */
  private gatherNowMs = 0

  // Since the measurement began
  private measuredFromMs: number
  private ticksBefore = 0
  private busyMs = 0
  private writes = 0
  /** Writes that would have been needed if each arrival had been sent on its own. */
  private writesAlone = 0
  private turns = 0
  private longestBytes = 0

  constructor(deps: TurnPacingDeps) {
    this.deps = deps
    this.measuredFromMs = deps.clock.nowMs()
    this.paces = deps.streams.map(stream => ({
      stream,
      unacknowledged: 0,
      isInTurn: false,
      arrivalsBefore: 0,
      arrivals: 0,
      timer: undefined,
    }))
  }

  /** The first record of a turn of this lane is about to be sent. */
  turnBegun({ index }: LaneStream): void {
    const pace = this.paces[index]!
    const arrivals = this.deps.counters.values[MAIN_SLOTS.messagesReceived]!
    pace.isInTurn = true
    pace.unacknowledged++
    pace.arrivals = Math.max(1, arrivals - pace.arrivalsBefore)
    pace.arrivalsBefore = arrivals
    if (this.isGathering) pace.timer ??= this.deps.clock.after(this.gatherNowMs, () => this.holdEnds(pace))
  }

  /** `writes` members were given a record of `ticks` ticks and `bytes` bytes. */
  wrote({ index }: LaneStream, writes: number, ticks: number, bytes: number): void {
    this.writes += writes
    this.writesAlone += writes * Math.min(ticks, this.paces[index]!.arrivals)
    if (bytes > this.longestBytes) this.longestBytes = bytes
  }

  turnEnded({ index }: LaneStream): void {
    const pace = this.paces[index]!
    pace.isInTurn = false
    this.turns++
    if (pace.timer === undefined) acknowledge(pace, this.isGathering ? 1 : 0)
  }

  /** The lane's successor begins with no turn. */
  laneEnded({ index }: LaneStream): void {
    const pace = this.paces[index]!
    pace.timer?.cancel()
    pace.timer = undefined
    pace.unacknowledged = 0
    pace.isInTurn = false
  }

  /** The transmitter has run from `startMs` to `endMs`. */
  ran(startMs: number, endMs: number): void {
    this.busyMs += endMs - startMs
    const passedMs = endMs - this.measuredFromMs
    if (passedMs < MEASURE_MS) return
    if (this.deps.gatherMs > 0 && this.writes > 0) this.judge(passedMs)
    this.measuredFromMs = endMs
    this.ticksBefore = this.ticksReceived
    this.busyMs = 0
    this.writes = 0
    this.writesAlone = 0
    this.turns = 0
    this.longestBytes = 0
  }

  stop(): void {
    for (const { timer } of this.paces) timer?.cancel()
  }

  private get ticksReceived(): number {
    return this.deps.counters.values[MAIN_SLOTS.ticksReceived]!
  }

  /** Decides whether ticks are held back, and for how long. */
  private judge(passedMs: number): void {
    const { gatherMs } = this.deps
    const share = this.busyMs / passedMs
    const load = share * (this.writesAlone / this.writes)
    const wasGathering = this.isGathering
    this.isGathering = load > (wasGathering ? CEASE_BELOW : GATHER_ABOVE)
    const msForHalfLoad = wasGathering ? (this.gatherNowMs * share) / GATHER_ABOVE : gatherMs
    const bytesPerMs = (this.longestBytes * this.turns) / this.paces.length / passedMs
    const ticksPerMs = (this.ticksReceived - this.ticksBefore) / passedMs
    this.gatherNowMs = Math.min(
      clamp(msForHalfLoad, gatherMs, STRETCH_MAX * gatherMs),
      GATHERED_BYTES_MAX / bytesPerMs,
      GATHERED_TICKS_MAX / ticksPerMs,
    )
  }

  /** The lane may publish. */
  private holdEnds(pace: LanePace): void {
    pace.timer = undefined
    acknowledge(pace, this.isGathering || pace.isInTurn ? 1 : 0)
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}

/** Acknowledges the lane's turns, except the last `keep` ones. */
function acknowledge(pace: LanePace, keep: number): void {
  if (pace.unacknowledged <= keep) return
  for (; pace.unacknowledged > keep; pace.unacknowledged--) pace.stream.ring.turnConsumed()
  pace.stream.wakeForRoom()
}
