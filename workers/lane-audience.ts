/**
 * What one audience has gathered for the turn in the making. One lane's own.
 * Gathered are not bytes but runs: which of the turn's encoded ticks, first to last. Where a gap has to be told
 * between two ticks, a run stands for the gap.
 */
import type { AudienceSpec } from '../src/protocol/audience-spec.js'
import type { Progress } from '../src/protocol/lane-commands.js'
import type { AudienceState } from '../src/protocol/lane-task.js'
import { TICKS_FORMATS, type TicksFormat } from '../src/protocol/ticks-format.js'

const RUNS_AT_FIRST = 8

export class LaneAudience {
  readonly id: number
  readonly spec: AudienceSpec
  readonly format: TicksFormat
  /** Number of the last `ticks` message. */
  seq: number
  ticksTotal: number
  lostTotal: number
  unknownLosses: number
  /** All its ticks up to this offset were published, maybe by an earlier lane. */
  sentOffset: number
  /** Pairs: first and last encoded tick; or a gap, as −1 − its index, and anything. */
  runs = new Int32Array(2 * RUNS_AT_FIRST)
  runCount = 0
  /** Ticks in the runs. */
  tickCount = 0
  /** What the runs will take in the frame ring at the most, without the message around them. */
  gatheredBytes = 0

  constructor(state: AudienceState) {
    this.id = state.audience
    this.spec = state.spec
    this.format = TICKS_FORMATS[state.spec.encoding]
    this.seq = state.seq
    this.ticksTotal = state.ticksTotal
    this.lostTotal = state.lostTotal
    this.unknownLosses = state.unknownLosses
    this.sentOffset = state.lastOffset
  }

  get progress(): Progress {
    return {
      ticksTotal: this.ticksTotal,
      lostTotal: this.lostTotal,
      unknownLosses: this.unknownLosses,
      lastOffset: this.sentOffset,
    }
  }

  /** @param bytes what the tick adds to the frames at the most */
  gatherTick(tick: number, bytes: number): void {
    const last = this.runCount * 2 - 1
    if (this.runCount > 0 && this.runs[last] === tick - 1 && this.runs[last - 1]! >= 0) this.runs[last] = tick
    else this.addRun(tick, tick)
    this.tickCount++
    this.gatheredBytes += bytes
  }

  gatherGap(gap: number, bytes: number): void {
    this.addRun(-1 - gap, 0)
    this.gatheredBytes += bytes
  }

  /** Forgets what was gathered, once it is published. */
  clear(): void {
    this.runCount = 0
    this.tickCount = 0
    this.gatheredBytes = 0
  }

  private addRun(first: number, last: number): void {
    const at = this.runCount * 2
    if (at === this.runs.length) {
      const wider = new Int32Array(at * 2)
      wider.set(this.runs)
      this.runs = wider
    }
    this.runs[at] = first
    this.runs[at + 1] = last
    this.runCount++
  }
}
