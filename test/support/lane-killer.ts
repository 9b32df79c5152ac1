/**
 * Ends the threads of lanes from outside, wherever they are: as the system does, and unlike a lane that throws.
 */
import { type Mock, vi } from 'vitest'
import type { Random } from '../../src/common/random.js'
import { LanePool, type LaneRun } from '../../src/lanes/lane-pool.js'
import { RestartDelay } from '../../src/lanes/restart-delay.js'

/** Between two kills, ms. */
const PAUSE_MS_MAX = 60

export class LaneKiller {
  private readonly runs: LaneRun[] = []
  private readonly spies: readonly Pick<Mock, 'mockClear'>[]
  private timer: NodeJS.Timeout | undefined

  /** For the lanes that are started from now on, in this test. Successors are started at once, however often their lanes die. */
  constructor() {
    const { runs } = this
    const { run } = LanePool.prototype
    const runSpy = vi.spyOn(LanePool.prototype, 'run').mockImplementation(function (
      this: LanePool,
      assignment,
    ) {
      const started = run.call(this, assignment)
      runs.push(started)
      void started.ended.then(() => {
        const index = runs.indexOf(started)
        if (index >= 0) runs.splice(index, 1)
      })
      return started
    })
    this.spies = [runSpy, vi.spyOn(RestartDelay.prototype, 'nextDelayMs').mockReturnValue(0)]
  }

  /** Kills so many lanes, now and then one. Calls `done` behind the last one. */
  begin(times: number, random: Random, done: () => void): void {
    this.stop()
    // A spy keeps each call, and with it the lane.
    for (const spy of this.spies) spy.mockClear()
    if (times === 0) {
      done()
      return
    }
    this.timer = setTimeout(() => {
      // A lane is killed once.
      const [victim] = this.runs.splice(random.below(Math.max(1, this.runs.length)), 1)
      victim?.terminate()
      this.begin(victim === undefined ? times : times - 1, random, done)
    }, random.below(PAUSE_MS_MAX))
  }

  stop(): void {
    clearTimeout(this.timer)
  }
}
