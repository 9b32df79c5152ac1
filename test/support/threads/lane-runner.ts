/** A lane in a thread of its own. */
import { parentPort, workerData } from 'node:worker_threads'
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import runLane from '../../../workers/lane.js'

const task = workerData as LaneTask
await runLane(task)
parentPort!.postMessage('ended')
task.wakeUpPort.close()
