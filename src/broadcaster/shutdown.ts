/**
 * The end of a handler: drains it, closes its clients, stops its parts. Main thread.
 * Always: no client waits for another. A client is closed as soon as it has been sent everything that came before.
 */
import type { Clients } from '../clients/clients.js'
import type { Clock } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { Recipient } from '../fanout/recipient.js'
import type { Transmitter } from '../fanout/transmitter.js'
import type { Ingest } from '../ingest/ingest.js'
import type { LaneHandle } from '../lanes/lane-handle.js'
import type { LaneSupervisor } from '../lanes/lane-supervisor.js'
import type { CounterWriter } from '../memory/counters.js'

export interface ShutdownDeps {
  readonly laneHandles: readonly LaneHandle[]
  readonly clock: Clock
  readonly ingest: Ingest
  readonly transmitter: Transmitter
  readonly clients: Clients
  readonly supervisor: LaneSupervisor
  /** Look at what the lanes count, until the lanes have ended. */
  readonly watches: readonly { stop(): void }[]
  readonly patience: PatientClock
  readonly counters: CounterWriter
}

/**
 *   serving ──► draining ──► closing ──► stopped
 *
 * draining: no client is let in, no tick is taken, and the source stops.
 * closing: the source has stopped, and each client is closed as soon as it has its last tick.
 * stopped: every client has gone or the time is over, and the parts end.
 */
type Phase = 'serving' | 'draining' | 'closing' | 'stopped'

export class Shutdown {
  private readonly deps: ShutdownDeps
  private phase: Phase = 'serving'
  private done: Promise<void> | undefined
  /** Lanes that have published everything that came before the shutdown. */
  private readonly finishedLanes = new Set<LaneHandle>()

  constructor(deps: ShutdownDeps) {
    this.deps = deps
  }

  get hasBegun(): boolean {
    return this.phase !== 'serving'
  }

  /**
   * Begins the shutdown. Only the first call has an effect.
   *
   * @param stopSource resolves when no further tick comes
   * @returns resolves when everything has ended; rejects with the error of `stopSource`, also after everything has
   * ended
   */
  begin(timeoutMs: number, stopSource: () => Promise<void>): Promise<void> {
    this.done ??= this.run(timeoutMs, stopSource)
    return this.done
  }

  /** Closes clients that have been sent everything by now. Call it after each run of the transmitter. */
  afterRun(): void {
    if (this.phase === 'closing') this.closeServed()
  }

  private async run(timeoutMs: number, stopSource: () => Promise<void>): Promise<void> {
    const { clients, clock, counters, ingest, patience, supervisor, transmitter, watches } = this.deps
    this.phase = 'draining'
    clients.admission.refuseAll()
    try {
      await doneWithin(clock, timeoutMs, this.closeInOrder(stopSource))
    } finally {
      this.phase = 'stopped'
      clients.registry.stop()
      ingest.stop()
      transmitter.stop()
      await supervisor.stop()
      for (const watch of watches) watch.stop()
      patience.stop()
      counters.flush()
    }
  }

  /** Resolves when every client has been sent everything, and is gone. */
  private async closeInOrder(stopSource: () => Promise<void>): Promise<void> {
    await stopSource()
    // The time was over before the source had stopped.
    if (this.phase !== 'draining') return
    this.phase = 'closing'
    const { clients, ingest } = this.deps
    // While somebody waits for this, the lanes wake the main thread whenever they get further.
    void ingest.caughtUp()
    this.closeServed()
    await clients.registry.empty()
  }

  private closeServed(): void {
    const { clients, ingest, laneHandles } = this.deps
    for (const handle of laneHandles) if (!ingest.isBehind(handle)) this.finishedLanes.add(handle)
    clients.registry.closeServed(recipient => this.isServed(recipient))
  }

  private isServed(recipient: Recipient): boolean {
    const { audience } = recipient.cursor
    if (audience === undefined || !this.finishedLanes.has(this.deps.laneHandles[audience.lane]!)) return false
    return this.deps.transmitter.hasSentAll(recipient)
  }
}
