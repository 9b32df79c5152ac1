/**
 * The threads of the lanes: each lane is one long task on a thread of Piscina. Main thread; the only importer of
 * Piscina.
 * Always: a run has ended only when its thread no longer touches the lane's memory.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Log } from '../common/log.js'
import type { LaneTask } from '../lane-protocol/lane-task.js'

const ENTRY_FILE = new URL('../../workers/lane-entry.cjs', import.meta.url).href
const LANE_FILE = new URL('../../workers/lane.js', import.meta.url).href

export interface LanePoolDeps {
  readonly log: Log
  /** Called at each wake-up that a lane sends. */
  readonly onWakeUp: () => void
  /** The worker's file. Tests give lanes that fail. */
  readonly laneFile?: string | undefined
}

/** A task without the port that the pool makes for it. */
export type LaneAssignment = Omit<LaneTask, 'wakeUpPort'>

/** One life of a lane. */
export interface LaneRun {
  /** Resolves with the reason why the lane has ended. Never rejects. */
  readonly ended: Promise<Error>
  /** Ends the lane's thread, whatever the thread does. */
  terminate(): void
}

export class LanePool {
  private readonly deps: LanePoolDeps
  private readonly groups: Piscina[] = []
  private readonly groupOfLane = new Map<number, Piscina>()

  constructor(deps: LanePoolDeps) {
    this.deps = deps
  }

  /** Starts one thread for each of these lanes. */
  startThreads(lanes: readonly number[]): void {
    const group = new Piscina({
      filename: ENTRY_FILE,
      minThreads: lanes.length,
      maxThreads: lanes.length,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // A thread gets one task in its life, so it need not wait for tasks quickly.
      atomics: 'disabled',
      recordTiming: false,
    })
    // Without a listener, a thread that dies between tasks would end the process. A task's end is handled in `outcome`.
    group.on('error', (error: Error) => this.deps.log.error({ error: String(error) }, 'a pool thread failed'))
    this.groups.push(group)
    for (const lane of lanes) this.groupOfLane.set(lane, group)
  }

  /** Runs a lane that has a thread and does not run. */
  run(assignment: LaneAssignment): LaneRun {
    const group = this.groupOfLane.get(assignment.lane)!
    const { port1, port2 } = new MessageChannel()
    let lastWords: string | undefined
    port1.on('message', (message: unknown) => {
      if (typeof message === 'string') lastWords = message
      else this.deps.onWakeUp()
    })
    const abort = new AbortController()
    const file = this.deps.laneFile ?? LANE_FILE
    const ended = outcome(group, file, { ...assignment, wakeUpPort: port2 }, port1, abort.signal)
    return {
      ended: ended
        .then(error => (lastWords === undefined ? error : new Error(lastWords, { cause: error })))
        .finally(() => port1.close()),
      terminate: () => abort.abort(),
    }
  }

  /** Ends all threads. Resolves when they have ended. */
  async destroy(): Promise<void> {
    await Promise.all(this.groups.map(group => group.destroy()))
  }
}

async function outcome(
  group: Piscina,
  file: string,
  task: LaneTask,
  port: MessagePort,
  signal: AbortSignal,
): Promise<Error> {
  const portClosed = new Promise<void>(resolve => port.once('close', resolve))
  try {
    await group.run({ file, task }, { transferList: [task.wakeUpPort], signal })
    return new Error('the lane ended without being told to')
  } catch (error) {
    if (signal.aborted) {
      // Piscina rejects before it ends the thread. The thread's end closes its port, and so ours.
      // A task that has not reached a thread leaves its port here.
      task.wakeUpPort.close()
      await portClosed
    }
    return error instanceof Error ? error : new Error(String(error))
  }
}
