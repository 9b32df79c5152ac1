/**
 * Starts a lane: a Piscina worker's one long task, which reads the tick log and writes the frame ring. It knows no
 * socket.
 */

import { systemClock } from '../src/common/clock.js'
import type { LaneTask } from '../src/lane-protocol/lane-task.js'
import { assembleLane } from './lane-assembly.js'

export default function runLane(task: LaneTask): void {
  assembleLane(task, systemClock).run()
}
