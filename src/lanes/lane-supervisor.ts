/**
 * Keeps the lanes alive: starts them, ends those that hang, replaces those that have ended. Main thread.
 * Always: a successor begins when everything that the lane before it published has been transmitted.
 */
import type { Clock, Timer } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import { RingcastError } from '../common/errors.js'
import type { Log } from '../common/log.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { CommittedState } from '../memory/committed-state.js'
import { distance } from '../memory/ring-position.js'
import { CrashSuspects } from './crash-suspects.js'
import { HangWatch } from './hang-watch.js'
import { LaneGroups } from './lane-groups.js'
import type { LaneAssignment, LanePool, LaneRun } from './lane-pool.js'
import { RestartDelay } from './restart-delay.js'

/** After a life of this length, the delay before a successor begins anew. */
const HEALTHY_MS = 10_000
/** Time of the lanes to end by themselves. Then their threads are terminated. */
const STOP_GRACE_MS = 1_000

/** One lane, as its shared memory shows it. */
export interface SupervisedLane {
  readonly state: Pick<CommittedState, 'committed'>
  readonly isAsleep: boolean
  /** The heartbeat: grows while the lane works. */
  readonly progress: number
  /** Low 32 bits of the serial number of the tick that the lane works on; 0: none. */
  readonly currentTick: number
  /** Id of the client whose request the lane serves; 0: none. */
  readonly currentClient: number
  /** Whether everything that the lane has published has been transmitted. */
  readonly isTransmitted: boolean
  setStop(isStopping: boolean): void
}

/** What a lane is not to work on. */
export type Quarantine = Pick<LaneAssignment, 'quarantinedTicks' | 'quarantinedClients'>

export interface LaneSupervisorDeps {
  readonly lanes: readonly SupervisedLane[]
  readonly pool: Pick<LanePool, 'startThreads' | 'run' | 'destroy'>
  readonly laneHangTimeoutMs: number
  readonly clock: Clock
  /** Measures lifetimes and hangs. */
  readonly patience: Pick<PatientClock, 'nowMs' | 'onBeat'>
  readonly log: Log
  /** The lane is named by its index, as in all of these. */
  readonly assignmentOf: (lane: number, quarantine: Quarantine) => LaneAssignment
  /** Whether the lane has something to do, as far as the main thread knows. */
  readonly hasWork: (lane: number) => boolean
  /** A lane has failed. `replaceEnded` must be called when its last frames have been transmitted. */
  readonly failed: (lane: number, error: Error) => void
  /** Two lives of a lane in a row have ended while it served this client. No lane will serve it again. */
  readonly clientQuarantined: (client: number) => void
  /** A successor is about to begin. The lane's memory must be ready for it. */
  readonly replacing: (lane: number) => void
}

type LaneState =
  | { readonly name: 'unstarted' }
  | { readonly name: 'running'; readonly run: LaneRun; readonly startedMs: number }
  /** Its last frames are being transmitted. */
  | { readonly name: 'ended' }
  /** Its last frames have been transmitted, and the successor waits for its delay. */
  | { readonly name: 'delayed'; readonly timer: Timer }
  | { readonly name: 'stopped' }

interface LaneSlot {
  readonly index: number
  readonly lane: SupervisedLane
  readonly hangWatch: HangWatch
  readonly restartDelay: RestartDelay
  state: LaneState
  /** How often it was replaced. */
  restarts: number
  /** When its failures began; undefined: it has run for a healthy while since then. */
  troubledSinceMs: number | undefined
}

export class LaneSupervisor {
  private readonly deps: LaneSupervisorDeps
  private readonly slots: readonly LaneSlot[]
  private readonly tickSuspects: CrashSuspects
  private readonly clientSuspects: CrashSuspects
  private readonly groups: LaneGroups
  private isStopping = false

  /** Starts the lanes at once. */
  constructor(deps: LaneSupervisorDeps) {
    const { clock, lanes, laneHangTimeoutMs, patience, pool } = deps
    this.deps = deps
    this.slots = lanes.map((lane, index) => ({
      index,
      lane,
      hangWatch: new HangWatch(laneHangTimeoutMs),
      restartDelay: new RestartDelay(),
      state: { name: 'unstarted' },
      restarts: 0,
      troubledSinceMs: undefined,
    }))
    // Only a crash makes a lane read a tick again. So two crashes at one tick count, however far apart they are.
    this.tickSuspects = new CrashSuspects(lanes.length, Number.POSITIVE_INFINITY)
    this.clientSuspects = new CrashSuspects(lanes.length, HEALTHY_MS + laneHangTimeoutMs)
    this.groups = new LaneGroups({
      laneCount: lanes.length,
      clock,
      hasBegun: lane => lanes[lane]!.isAsleep || lanes[lane]!.progress !== 0,
      start: group => {
        pool.startThreads(group)
        for (const lane of group) this.start(this.slots[lane]!)
      },
    })
    patience.onBeat(nowMs => this.endHanging(nowMs))
  }

  /** Whether every lane runs. */
  get areAllRunning(): boolean {
    return this.slots.every(({ state }) => state.name === 'running')
  }

  lifeOf(lane: number): { readonly isRunning: boolean; readonly restarts: number } {
    const { restarts, state } = this.slots[lane]!
    return { isRunning: state.name === 'running', restarts }
  }

  /** For how long a lane has been failing, without a healthy while between, ms; 0: none is. */
  get troubleMs(): number {
    const nowMs = this.deps.patience.nowMs()
    return Math.max(0, ...this.slots.map(slot => this.troubleOf(slot, nowMs)))
  }

  private troubleOf(slot: LaneSlot, nowMs: number): number {
    const { state, troubledSinceMs } = slot
    if (troubledSinceMs === undefined) return 0
    return state.name === 'running' && nowMs - state.startedMs > HEALTHY_MS ? 0 : nowMs - troubledSinceMs
  }

  /**
   * Starts the successors of lanes whose last frames have been transmitted. Call it after each run of the transmitter.
   */
  replaceEnded(): void {
    if (this.isStopping) return
    for (const entry of this.slots) {
      if (entry.state.name !== 'ended' || !entry.lane.isTransmitted) continue
      const delayMs = entry.restartDelay.nextDelayMs()
      if (delayMs === 0) this.replace(entry)
      else entry.state = { name: 'delayed', timer: this.deps.clock.after(delayMs, () => this.replace(entry)) }
    }
  }

  /** Ends every lane and its thread. Resolves when all threads have ended. */
  async stop(): Promise<void> {
    const { clock, pool } = this.deps
    this.isStopping = true
    this.groups.stop()
    for (const { lane, state } of this.slots) {
      if (state.name === 'delayed') state.timer.cancel()
      lane.setStop(true)
    }
    const runs = this.slots.map(({ state }) => (state.name === 'running' ? state.run.ended : undefined))
    const allEnded = Promise.all(runs)
    await doneWithin(clock, STOP_GRACE_MS, allEnded)
    await pool.destroy()
    await allEnded
  }

  private start(entry: LaneSlot): void {
    const { assignmentOf, patience, pool } = this.deps
    const run = pool.run(
      assignmentOf(entry.index, {
        quarantinedTicks: this.tickSuspects.quarantined,
        quarantinedClients: this.clientSuspects.quarantined,
      }),
    )
    const startedMs = patience.nowMs()
    entry.hangWatch.startOver(startedMs)
    entry.state = { name: 'running', run, startedMs }
    void run.ended.then(error => this.ended(entry, error, startedMs))
  }

  private replace(entry: LaneSlot): void {
    this.deps.replacing(entry.index)
    entry.restarts++
    this.start(entry)
  }

  private ended(entry: LaneSlot, error: Error, startedMs: number): void {
    if (this.isStopping) {
      entry.state = { name: 'stopped' }
      return
    }
    const { index } = entry
    const nowMs = this.deps.patience.nowMs()
    entry.state = { name: 'ended' }
    if (entry.troubledSinceMs === undefined || nowMs - startedMs > HEALTHY_MS) entry.troubledSinceMs = nowMs
    this.groups.laneFailed(index)
    this.noteSuspects(entry, nowMs - startedMs)
    const message = `lane ${index} failed: ${error.message}`
    this.deps.failed(index, new RingcastError('lane_failed', message, { cause: error }))
  }

  private noteSuspects({ index, lane, restartDelay }: LaneSlot, lifetimeMs: number): void {
    if (lifetimeMs > HEALTHY_MS) restartDelay.startOver()
    if (this.tickSuspects.noteCrash(index, currentSerial(lane), lifetimeMs)) restartDelay.startOver()
    if (this.clientSuspects.noteCrash(index, lane.currentClient, lifetimeMs)) {
      restartDelay.startOver()
      this.deps.clientQuarantined(lane.currentClient)
    }
  }

  private endHanging(nowMs: number): void {
    if (this.isStopping) return
    for (const { hangWatch, index, lane, state } of this.slots) {
      if (state.name !== 'running') continue
      const hasWork = !lane.isAsleep && this.deps.hasWork(index)
      if (!hangWatch.isHanging(hasWork, lane.progress, nowMs)) continue
      this.deps.log.error({ lane: index }, 'a lane hangs and is ended')
      // The thread may take a while to end.
      hangWatch.startOver(nowMs)
      state.run.terminate()
    }
  }
}

/** Serial number of the tick that the lane works on, or worked on when it ended; 0: none. */
function currentSerial({ currentTick, state }: SupervisedLane): number {
  if (currentTick === 0) return 0
  const { serial } = state.committed()
  return serial + distance(serial | 0, currentTick)
}
