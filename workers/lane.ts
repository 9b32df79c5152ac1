/**
 * The entry of a lane: a Piscina worker's one long task. It reads the tick log, writes the frame ring, and knows no socket.
 */

import { systemClock } from '../src/common/clock.js'
import type { LaneTask } from '../src/lane-protocol/lane-task.js'
import { assembleLane } from './lane-assembly.js'

export default function runLane(task: LaneTask): void {
  assembleLane(task, systemClock).run()
}
