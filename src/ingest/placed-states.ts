/**
 * The states that hold from a place of the tick log on, as far as lanes may still have to know them. Main thread. A
 * successor begins at a place of the tick log and must know the state at that place. Bounded by the records of the log:
 * older states are forgotten.
 */
import { distance } from '../memory/ring-position.js'

export class PlacedStates<State> {
  /** In the order of the log; the first one holds at the slowest lane. */
  private readonly placed: { readonly position: number | undefined; readonly state: State }[]

  /** @param state holds from the beginning of the log */
  constructor(state: State) {
    this.placed = [{ position: undefined, state }]
  }

  /** The number of states that it keeps. */
  get size(): number {
    return this.placed.length
  }

  /**
   * Notes that a state holds from a place of the log on.
   *
   * @param position after its record
   * @param slowestCursor of the lanes
   */
  append(state: State, position: number, slowestCursor: number): void {
    const { placed } = this
    placed.push({ position, state })
    let passed = 0
    while (passed + 1 < placed.length && distance(placed[passed + 1]!.position!, slowestCursor) >= 0) passed++
    placed.splice(0, passed)
  }

  /** The state that holds at a place of the log which the slowest lane has not passed. */
  at(position: number): State {
    let { state } = this.placed[0]!
    for (const next of this.placed.slice(1)) {
      if (distance(next.position!, position) < 0) break
      state = next.state
    }
    return state
  }
}
