/**
 * The thread that reads the past for clients. Main thread. It starts with the first client that needs it, ends some time
 * after the last one, and starts anew after it has failed.
 */
import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import type { Log } from '../common/log.js'
import type { FromHistory, HistoryTask, ToHistory } from '../lane-protocol/history-messages.js'

export interface HistoryThreadDeps {
  readonly task: HistoryTask
  readonly received: (message: FromHistory) => void
  /** The thread has ended by itself, or by `terminate`. What it was sent has no reply. */
  readonly died: () => void
  readonly clock: Clock
  readonly log: Log
}

const HISTORY_FILE = new URL('../../workers/history.js', import.meta.url)
/** A thread that nobody needs is kept for so long. */
const IDLE_MS = 60_000
const STOP_TIMEOUT_MS = 2_000

/** One life of the thread. */
interface Life {
  readonly worker: Worker
  readonly exited: Promise<void>
  error: unknown
}

export class HistoryThread {
  private readonly deps: HistoryThreadDeps
  private life: Life | undefined
  private idleTimer: Timer | undefined

  constructor(deps: HistoryThreadDeps) {
    this.deps = deps
  }

  send(message: ToHistory): void {
    this.idleTimer?.cancel()
    this.idleTimer = undefined
    // A thread that has just ended has no readings to close.
    if (this.life === undefined && message.type === 'close') return
    this.life ??= this.start()
    this.life.worker.postMessage(message)
  }

  /** Nobody needs the thread for now. */
  idle(): void {
    if (this.life !== undefined)
      this.idleTimer ??= this.deps.clock.after(IDLE_MS, () => void this.stop().catch(() => {}))
  }

  /** Ends the thread at once, whatever it does. */
  terminate(): void {
    void this.life?.worker.terminate()
  }

  /** Ends the thread in order, by force after two seconds. */
  async stop(): Promise<void> {
    this.idleTimer?.cancel()
    this.idleTimer = undefined
    const { life } = this
    this.life = undefined
    if (life === undefined) return
    life.worker.postMessage({ type: 'stop' } satisfies ToHistory)
    if (!(await doneWithin(this.deps.clock, STOP_TIMEOUT_MS, life.exited))) await life.worker.terminate()
  }

  private start(): Life {
    const { log, received, task } = this.deps
    // A thread refuses some options of its process, and this one needs none.
    const worker = new Worker(HISTORY_FILE, { workerData: task, execArgv: [] })
    const life: Life = {
      worker,
      exited: new Promise(resolve => worker.once('exit', () => resolve())),
      error: undefined,
    }
    worker.on('message', (message: FromHistory) => {
      if (this.life === life) received(message)
    })
    worker.on('error', error => {
      life.error = error
    })
    worker.on('exit', () => {
      if (this.life !== life) return
      this.life = undefined
      log.error({ err: life.error }, 'the thread that reads the past failed and is replaced')
      this.deps.died()
    })
    return life
  }
}
