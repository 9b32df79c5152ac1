/**
 * The lanes as readers of the tick log: how far they are, and how they are woken. Main thread.
 */
import type { CommittedState } from '../memory/committed-state.js'
import { FOR_COMMIT } from '../memory/control-words.js'
import { distance } from '../memory/ring-position.js'

/** A lane as a reader of the tick log. */
export interface LogReaderLane {
  /** How far the lane has come. */
  readonly state: Pick<CommittedState, 'cursor' | 'serialLow' | 'committed'>
  /**
   * Lets the lane wake the main thread, or not, when what the main thread waits for has happened.
   *
   * @param reason bit of MAIN_WAITS
   */
  setWaiting(reason: number, isWaiting: boolean): void
  /** Wakes the lane after ticks. */
  wakeLaneForTicks(): void
}

/** Ticks up to `lastSerial` that the lane has not finished with. */
export function lagOf({ state }: LogReaderLane, lastSerial: number): number {
  return distance(state.serialLow(), lastSerial | 0)
}

export class LogReaders {
  private readonly lanes: readonly LogReaderLane[]

  constructor(lanes: readonly LogReaderLane[]) {
    this.lanes = lanes
  }

  /** Cursor of the slowest lane: records before it may be overwritten. */
  slowestCursor(): number {
    const { lanes } = this
    let slowest = lanes[0]!.state.cursor()
    for (let index = 1; index < lanes.length; index++) {
      const cursor = lanes[index]!.state.cursor()
      if (distance(cursor, slowest) > 0) slowest = cursor
    }
    return slowest
  }

  /** Ticks up to `lastSerial` that the slowest lane has not finished with. */
  slowestLag(lastSerial: number): number {
    const { lanes } = this
    let lag = 0
    for (let index = 0; index < lanes.length; index++) lag = Math.max(lag, lagOf(lanes[index]!, lastSerial))
    return lag
  }

  /** Whether every lane has finished with all records before `position`. */
  haveReached(position: number): boolean {
    return this.lanes.every(({ state }) => state.cursor() === position)
  }

  /** Lets each commit of a lane wake the main thread, or not. */
  setWaiting(isWaiting: boolean): void {
    for (const lane of this.lanes) lane.setWaiting(FOR_COMMIT, isWaiting)
  }

  /** Wakes the lanes that wait for something to read. */
  tell(): void {
    const { lanes } = this
    for (let index = 0; index < lanes.length; index++) lanes[index]!.wakeLaneForTicks()
  }
}
