/**
 * Paces the lanes' turns. Main thread.
 * While there is time, whatever comes goes out at once. When sending each arrival on its own would take more than half of the main
 * thread's time, a lane publishes a turn only every `gatherMs`: then a write carries several ticks, and costs hardly more. Where even that
 * takes more than half of the time, it is every so much later that it takes half.
 *
 * A lane may have two turns that the transmitter has not told it to be done. To hold a lane back is to tell it late: while ticks are
 * gathered it is always owed one turn, and so it has one ahead at the most.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { LaneLink } from './lane-link.js'

/** How long the load is watched before it is judged, ms. */
const WINDOW_MS = 100
/** Shares of the main thread's time that sending each arrival on its own would take. */
const GATHER_ABOVE = 0.5
const CEASE_BELOW = 0.35
/** How much longer than usual ticks are gathered at the most. */
const STRETCH_MAX = 2.5
/** What a client gets at once when gathering more would save little: 150 bytes in a write cost 8 µs, 1,500 cost 9, 15,000 cost 13. */
const GATHERED_BYTES_MAX = 16 * 1024
/** Ticks of all symbols in a turn that is held back, about: a lane has room for those, and one that is full reads nothing more. */
const GATHERED_TICKS_MAX = 2000

/** What one lane may do. */
interface Gate {
  readonly link: LaneLink
  /** Turns begun of which the lane was not told that they are done. */
  owed: number
  isInTurn: boolean
  /** Arrivals before the turn in hand, and in it. */
  arrivalsBefore: number
  arrivals: number
  /** Runs while the lane is held back. */
  timer: Timer | undefined
}

export class TurnPacing {
  private readonly clock: Pick<Clock, 'nowMs' | 'after'>
  private readonly gatherMs: number
  private readonly arrivals: () => number
  private readonly ticks: () => number
  private readonly gates: readonly Gate[]
  private isGathering = false
  /** Of the ticks that come now. */
  private gatherNowMs = 0

  // Since the window began
  private windowStartMs: number
  private ticksBefore = 0
  private busyMs = 0
  private writes = 0
  /** Writes that would have been needed without gathering. */
  private writesAlone = 0
  private turns = 0
  private longestBytes = 0

  /**
   * @param arrivals how often ticks have come so far
   * @param ticks how many have come so far
   * @param gatherMs 0: never gather
   */
  constructor(
    links: readonly LaneLink[],
    gatherMs: number,
    arrivals: () => number,
    ticks: () => number,
    clock: Pick<Clock, 'nowMs' | 'after'>,
  ) {
    this.clock = clock
    this.gatherMs = gatherMs
    this.arrivals = arrivals
    this.ticks = ticks
    this.windowStartMs = clock.nowMs()
    this.gates = links.map(link => ({
      link,
      owed: 0,
      isInTurn: false,
      arrivalsBefore: 0,
      arrivals: 0,
      timer: undefined,
    }))
  }

  /** Something of a turn of this lane is in hand. */
  reading({ index }: LaneLink): void {
    const gate = this.gates[index]!
    if (gate.isInTurn) return
    gate.isInTurn = true
    gate.owed++
    const arrivals = this.arrivals()
    gate.arrivals = Math.max(1, arrivals - gate.arrivalsBefore)
    gate.arrivalsBefore = arrivals
    if (this.isGathering) gate.timer ??= this.clock.after(this.gatherNowMs, () => this.open(gate))
  }

  /** So many members were given a record of so many ticks and bytes. */
  wrote({ index }: LaneLink, writes: number, ticks: number, bytes: number): void {
    this.writes += writes
    this.writesAlone += writes * Math.min(ticks, this.gates[index]!.arrivals)
    if (bytes > this.longestBytes) this.longestBytes = bytes
  }

  turnEnded({ index }: LaneLink): void {
    const gate = this.gates[index]!
    gate.isInTurn = false
    this.turns++
    if (gate.timer === undefined) pay(gate, this.isGathering ? 1 : 0)
  }

  /** The lane's memory is fresh. */
  laneEnded({ index }: LaneLink): void {
    const gate = this.gates[index]!
    gate.timer?.cancel()
    gate.timer = undefined
    gate.owed = 0
    gate.isInTurn = false
  }

  /** The transmitter was at work. */
  ran(startMs: number, endMs: number): void {
    this.busyMs += endMs - startMs
    const passedMs = endMs - this.windowStartMs
    if (passedMs < WINDOW_MS) return
    if (this.gatherMs > 0 && this.writes > 0) this.judge(passedMs)
    this.windowStartMs = endMs
    this.ticksBefore = this.ticks()
    this.busyMs = 0
    this.writes = 0
    this.writesAlone = 0
    this.turns = 0
    this.longestBytes = 0
  }

  stop(): void {
    for (const { timer } of this.gates) timer?.cancel()
  }

  private judge(passedMs: number): void {
    const share = this.busyMs / passedMs
    const load = share * (this.writesAlone / this.writes)
    const wasGathering = this.isGathering
    this.isGathering = load > (wasGathering ? CEASE_BELOW : GATHER_ABOVE)
    const halfMs = wasGathering ? (this.gatherNowMs * share) / GATHER_ABOVE : this.gatherMs
    const bytesPerMs = (this.longestBytes * this.turns) / this.gates.length / passedMs
    const ticksPerMs = (this.ticks() - this.ticksBefore) / passedMs
    this.gatherNowMs = Math.min(
      clamp(halfMs, this.gatherMs, STRETCH_MAX * this.gatherMs),
      GATHERED_BYTES_MAX / bytesPerMs,
      GATHERED_TICKS_MAX / ticksPerMs,
    )
  }

  /** Lets the lane publish. */
  private open(gate: Gate): void {
    gate.timer = undefined
    pay(gate, this.isGathering || gate.isInTurn ? 1 : 0)
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}

/** Tells the lane that turns are done, but for so many. */
function pay(gate: Gate, owed: number): void {
  if (gate.owed <= owed) return
  for (; gate.owed > owed; gate.owed--) gate.link.ring.turnConsumed()
  gate.link.tellRoom()
}
