/**
 * The pacing of turns without a transmitter: the test publishes turns, and takes them as the transmitter does.
 */
import type { LaneStream } from '../../src/fanout/lane-stream.js'
import { TurnPacing } from '../../src/fanout/turn-pacing.js'
import { LaneHandle } from '../../src/lanes/lane-handle.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { MAIN_SLOT_COUNT, MAIN_SLOTS } from '../../src/metrics/metric-table.js'
import { FakeClock } from './fake-clock.js'
import { FakeLane } from './fake-lane.js'
import { LATEST_BYTES } from './fan-out.js'

export const GATHER_MS = 20
/** The load is measured for so long before it is judged. */
export const MEASURE_MS = 100

export interface StageTurn {
  readonly lane?: number
  /** Messages with ticks that came since the turn before. */
  readonly arrivals?: number
  /** Of each record. */
  readonly ticks?: number
  readonly bytes?: number
  /** For so long the transmitter is busy with the turn. */
  readonly busyMs?: number
}

export class PacingStage {
  readonly clock = new FakeClock()
  readonly handles: LaneHandle[]
  readonly streams: LaneStream[]
  readonly pacing: TurnPacing
  readonly counters = new CounterWriter(
    new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))),
  )
  private readonly lanes: FakeLane[]

  constructor({ gatherMs = GATHER_MS, laneCount = 1 } = {}) {
    const layout = laneLayout(8192, 512, 64)
    this.handles = Array.from(
      { length: laneCount },
      (_, index) => new LaneHandle(index, layout, LATEST_BYTES, () => {}),
    )
    this.streams = this.handles.map(({ stream }) => stream)
    this.lanes = this.handles.map(handle => new FakeLane(handle))
    const { clock, counters, streams } = this
    this.pacing = new TurnPacing({ streams, gatherMs, counters, clock })
  }

  /** Turns of the lane that it was not told to be done. */
  turnsAhead(lane = 0): number {
    return this.lanes[lane]!.ring.turnsAhead()
  }

  publish(lane = 0): void {
    this.lanes[lane]!.endTurn()
  }

  /** Begins the next published turn, which has no records. */
  begin(lane = 0): void {
    const stream = this.streams[lane]!
    // It has two marks.
    for (let mark = 0; mark < 2; mark++) stream.ring.next()
    this.pacing.turnBegun(stream)
  }

  end(lane = 0): void {
    this.pacing.turnEnded(this.streams[lane]!)
  }

  /** The transmitter takes a published turn of one record for ten clients. */
  transmit({ lane = 0, arrivals = 1, ticks = 1, bytes = 100, busyMs = 0 }: StageTurn = {}): void {
    const { clock, counters, pacing } = this
    const startMs = clock.nowMs()
    counters.values[MAIN_SLOTS.messagesReceived]! += arrivals
    this.begin(lane)
    clock.jump(busyMs)
    pacing.wrote(this.streams[lane]!, 10, ticks, bytes)
    this.end(lane)
    pacing.ran(startMs, clock.nowMs())
  }

  /** Publishes and transmits a turn. */
  turn(turn: StageTurn = {}): void {
    this.publish(turn.lane)
    this.transmit(turn)
  }

  /** Lets the transmitter be busy for a share of one measurement of the load. */
  work(share: number, turn: StageTurn = {}): void {
    const { clock, pacing } = this
    this.turn({ ...turn, busyMs: share * MEASURE_MS })
    clock.advance(MEASURE_MS - share * MEASURE_MS)
    pacing.ran(clock.nowMs(), clock.nowMs())
  }

  /** Makes the load so large that ticks are held back from now on. */
  gather(turn?: StageTurn): void {
    this.work(0.9, turn)
  }

  /** A lane's thread has ended, and a successor takes its place. */
  laneEnded(lane = 0): void {
    const stream = this.streams[lane]!
    stream.laneEnded()
    this.pacing.laneEnded(stream)
  }
}
