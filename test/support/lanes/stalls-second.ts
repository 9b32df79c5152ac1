/** Lanes of which the second reads nothing until it is told to end. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import runLane from '../../../workers/lane.js'
import stall from '../stalled-lane.js'

export default async (task: LaneTask): Promise<void> => (task.lane === 1 ? stall(task) : runLane(task))
