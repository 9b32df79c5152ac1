/**
 * Runs the lanes: each is one long task of a Piscina thread, replaced when it fails or hangs. Main thread; the only
 * importer of Piscina. A successor begins when all that the lane before it published has been transmitted.
 */
import { availableParallelism } from 'node:os'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { Clock, Timer } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { LaneLink } from '../fanout/lane-link.js'
import type { CompressionSettings, LaneTask } from '../lane-protocol/lane-task.js'
import { distance } from '../memory/ring-position.js'

const LANE_FILE = new URL('../../workers/lane.js', import.meta.url).href
/**
 * Lanes started at once, each group in a Piscina of its own: a Piscina starts all of its threads in one go, and each takes
 * 0.1 s of a processor until it works. With 100 in one go on two processors the main thread heard no signal for 10 s.
 */
const GROUP_LANES_MAX = Math.max(8, availableParallelism())
/** How often it is looked whether a group works, so that the next can start. */
const START_PERIOD_MS = 20
/** A lane that lives this long starts over with its delays. */
const HEALTHY_MS = 10_000
const RESTART_DELAY_MS_MAX = 5_000
/** How long lanes may take to end by themselves before their threads are terminated. */
const STOP_GRACE_MS = 1_000

export interface LanePoolOptions {
  readonly links: readonly LaneLink[]
  readonly tickLog: SharedArrayBuffer
  /** The command ring of each lane. */
  readonly commands: readonly SharedArrayBuffer[]
  readonly counters: readonly SharedArrayBuffer[]
  readonly epoch: string
  readonly turnBytesMax: number
  readonly compression: CompressionSettings
  readonly positionsTellLosses: boolean
  readonly laneHangTimeoutMs: number
  readonly clock: Clock
  /** By which lanes are judged that show no life. */
  readonly patience: PatientClock
  readonly log: Log
  /** The worker's file; tests give lanes that fail. */
  readonly laneFile?: string
}

export interface LanePoolEvents {
  /** A lane has published something, or caught up while the source is paused. */
  rang(): void
  /** A lane failed and will be replaced. */
  failed(lane: number, error: Error): void
  /** Two lanes in a row failed as they answered this client; no other lane will answer it. */
  clientFailed(id: number): void
  /** A successor is about to begin: its memory has to be ready. */
  replacing(link: LaneLink): void
  /** Whether the lane has something to do. */
  hasWork(link: LaneLink): boolean
}

/** One lane as the pool sees it. */
interface Runner {
  readonly link: LaneLink
  /** The pool of its group; undefined while that is unstarted. */
  pool: Piscina | undefined
  state: 'unstarted' | 'running' | 'ended' | 'stopped'
  /** Whether it has shown life, or failed, since its group was started. */
  hasBegun: boolean
  startedMs: number
  failures: number
  abort: AbortController
  bell: MessagePort | undefined
  restart: Timer | undefined
  /** The tick at work on which it failed last; 0: none. */
  culprit: number
  /** Id of the client that it was answering when it failed last; 0: none. */
  culpritClient: number
  /** The progress last seen, and since when it has not moved. */
  progress: number
  stuckSinceMs: number
}

export class LanePool {
  private readonly options: LanePoolOptions
  private readonly events: LanePoolEvents
  private readonly pools: Piscina[] = []
  private readonly runners: Runner[]
  private readonly poison: number[] = []
  private readonly poisonClients: number[] = []
  private readonly startWatch: Timer
  private readonly tasks = new Set<Promise<void>>()
  private isStopping = false

  constructor(options: LanePoolOptions, events: LanePoolEvents) {
    this.options = options
    this.events = events
    this.runners = options.links.map(link => ({
      link,
      pool: undefined,
      state: 'unstarted',
      hasBegun: false,
      startedMs: 0,
      failures: 0,
      abort: new AbortController(),
      bell: undefined,
      restart: undefined,
      culprit: 0,
      culpritClient: 0,
      progress: 0,
      stuckSinceMs: 0,
    }))
    this.startGroup()
    this.startWatch = options.clock.every(START_PERIOD_MS, () => this.startNextGroup())
    options.patience.onBeat(nowMs => this.lookForHangs(nowMs))
  }

  /** Whether every lane has a thread. */
  get isWhole(): boolean {
    return this.runners.every(({ state }) => state === 'running')
  }

  /** Starts successors of lanes whose last frames are out. To be called after each run of the transmitter. */
  replaceEnded(): void {
    if (this.isStopping) return
    for (const runner of this.runners) {
      if (runner.state !== 'ended' || runner.restart !== undefined || !runner.link.isTransmitted) continue
      const delayMs = this.restartDelayMs(runner)
      if (delayMs === 0) this.restart(runner)
      else runner.restart = this.options.clock.after(delayMs, () => this.restart(runner))
    }
  }

  /** Ends every lane and its thread; resolves when they are gone. */
  async stop(): Promise<void> {
    this.isStopping = true
    this.startWatch.cancel()
    for (const runner of this.runners) {
      runner.restart?.cancel()
      runner.link.setStop(true)
    }
    await doneWithin(this.options.clock, STOP_GRACE_MS, Promise.all(this.tasks))
    await Promise.all(this.pools.map(pool => pool.destroy()))
    await Promise.all(this.tasks)
  }

  private startNextGroup(): void {
    let unstarted = 0
    for (const runner of this.runners) {
      runner.hasBegun ||= runner.link.isAsleep || runner.link.progress !== 0
      if (runner.state === 'unstarted') unstarted++
      else if (!runner.hasBegun) return
    }
    if (unstarted > 0) this.startGroup()
    else this.startWatch.cancel()
  }

  private startGroup(): void {
    const { options } = this
    const group = this.runners.filter(({ state }) => state === 'unstarted').slice(0, GROUP_LANES_MAX)
    const pool = new Piscina({
      filename: options.laneFile ?? LANE_FILE,
      minThreads: group.length,
      maxThreads: group.length,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      // Between tasks the thread waits for messages: a lane's one task is all it ever gets.
      atomics: 'disabled',
      recordTiming: false,
    })
    // Without a listener a thread that dies between tasks would end the process; the tasks' own ends are handled below.
    pool.on('error', (error: Error) => options.log.error({ error: String(error) }, 'a pool thread failed'))
    this.pools.push(pool)
    for (const runner of group) {
      runner.pool = pool
      this.start(runner, pool)
    }
  }

  private start(runner: Runner, pool: Piscina): void {
    const { options } = this
    const { link } = runner
    const { port1, port2 } = new MessageChannel()
    port1.on('message', this.events.rang)
    runner.bell = port1
    runner.abort = new AbortController()
    runner.startedMs = options.patience.nowMs()
    runner.stuckSinceMs = runner.startedMs
    runner.state = 'running'
    const task: LaneTask = {
      lane: link.index,
      epoch: options.epoch,
      tickLog: options.tickLog,
      commands: options.commands[link.index]!,
      memory: link.shared,
      layout: link.layout,
      latest: link.latest,
      counters: options.counters[link.index]!,
      bell: port2,
      turnBytesMax: options.turnBytesMax,
      compression: options.compression,
      positionsTellLosses: options.positionsTellLosses,
      audiences: [...link.audiences.values()].map(audience => audience.state),
      poison: this.poison,
      poisonClients: this.poisonClients,
    }
    const run: Promise<void> = this.runToItsEnd(pool, task, port1, runner.abort.signal)
      .then(error => this.ended(runner, error))
      .finally(() => this.tasks.delete(run))
    this.tasks.add(run)
  }

  /** Resolves, with the reason, when the lane no longer touches the memory. */
  private async runToItsEnd(
    pool: Piscina,
    task: LaneTask,
    bell: MessagePort,
    signal: AbortSignal,
  ): Promise<Error> {
    const threadEnded = new Promise<void>(resolve => bell.once('close', resolve))
    try {
      await pool.run(task, { transferList: [task.bell], signal })
      return new Error('the lane ended without being told to')
    } catch (error) {
      if (signal.aborted) {
        // Piscina gives up the task first and ends the thread after; the thread's end closes its port. (A task that never
        // got to a thread leaves the port here.)
        task.bell.close()
        await threadEnded
      }
      return error instanceof Error ? error : new Error(String(error))
    }
  }

  private ended(runner: Runner, error: Error): void {
    runner.bell?.close()
    runner.bell = undefined
    if (this.isStopping) {
      runner.state = 'stopped'
      return
    }
    runner.state = 'ended'
    runner.hasBegun = true
    this.noteCulprit(runner)
    this.noteCulpritClient(runner)
    this.events.failed(
      runner.link.index,
      new RingcastError('lane_failed', `lane ${runner.link.index} failed and is replaced: ${error.message}`, {
        cause: error,
      }),
    )
    this.events.rang()
  }

  /** A tick at work on which two lanes in a row failed is skipped by the next. */
  private noteCulprit(runner: Runner): void {
    const { currentTick, state } = runner.link
    if (currentTick === 0) {
      runner.culprit = 0
      return
    }
    const committed = state.committed().offset
    const offset = committed + distance(committed | 0, currentTick)
    if (runner.culprit === offset) {
      this.poison.push(offset)
      runner.failures = 0
    }
    runner.culprit = offset
  }

  /** A client at whose answer two lanes in a row failed, the second soon after its start, is answered by none. */
  private noteCulpritClient(runner: Runner): void {
    const id = runner.link.currentClient
    const { laneHangTimeoutMs, patience } = this.options
    const isSoon = patience.nowMs() - runner.startedMs <= HEALTHY_MS + laneHangTimeoutMs
    if (id !== 0 && runner.culpritClient === id && isSoon) {
      this.poisonClients.push(id)
      runner.failures = 0
      this.events.clientFailed(id)
    }
    runner.culpritClient = id
  }

  private restartDelayMs(runner: Runner): number {
    if (this.options.patience.nowMs() - runner.startedMs > HEALTHY_MS) runner.failures = 0
    const { failures } = runner
    runner.failures++
    // The first three follow at once: one for an accident, one to find out whether a tick or a client is to blame, one without that.
    return failures < 3 ? 0 : Math.min(RESTART_DELAY_MS_MAX, 50 * 2 ** (failures - 3))
  }

  private restart(runner: Runner): void {
    runner.restart = undefined
    this.events.replacing(runner.link)
    this.start(runner, runner.pool!)
  }

  /** Ends lanes that have work and do not move; their tasks' ends bring successors. */
  private lookForHangs(nowMs: number): void {
    if (this.isStopping) return
    for (const runner of this.runners) {
      const { link } = runner
      const { progress } = link
      const mayRest = runner.state !== 'running' || link.isAsleep || !this.events.hasWork(link)
      if (mayRest || progress !== runner.progress) {
        runner.progress = progress
        runner.stuckSinceMs = nowMs
      } else if (nowMs - runner.stuckSinceMs >= this.options.laneHangTimeoutMs) {
        this.options.log.error({ lane: link.index }, 'a lane hangs and is ended')
        runner.stuckSinceMs = nowMs
        runner.abort.abort()
      }
    }
  }
}
