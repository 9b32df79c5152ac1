/**
 * The end of a handler: lets its clients leave, stops its source and its parts. Main thread.
 * Always: no client waits for another. A client is closed as soon as it has been sent everything that came before.
 */
import type { Clients } from '../clients/clients.js'
import { Departures } from '../clients/departures.js'
import type { Clock } from '../common/clock.js'
import { doneWithin } from '../common/deadline.js'
import type { PatientClock } from '../common/patient-clock.js'
import type { Transmitter } from '../fanout/transmitter.js'
import type { Ingest } from '../ingest/ingest.js'
import type { LaneSupervisor } from '../lanes/lane-supervisor.js'
import type { CounterWriter } from '../memory/counters.js'
import type { History } from './history.js'

export interface ShutdownDeps {
  readonly history: Pick<History, 'stop'>
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

/** How long a shutdown may take, ms. */
export interface ShutdownTimes {
  /** Over this time the clients are sent away one by one, while ticks still come. */
  readonly drainMs: number
  /** After that, the clients that are left have so long to take what is queued for them. */
  readonly timeoutMs: number
}

/**
 *   serving ──► draining ──► stopping ──► closing ──► stopped
 *
 * draining: no client is let in. Each client leaves at a moment of its own; the others go on getting ticks.
 * stopping: no tick is taken, and the source stops.
 * closing: the source has stopped, and every client that is left gets its last tick and leaves.
 * stopped: every client has gone or the time is over, and the parts end.
 */
type Phase = 'serving' | 'draining' | 'stopping' | 'closing' | 'stopped'

export class Shutdown {
  private readonly deps: ShutdownDeps
  private phase: Phase = 'serving'
  private done: Promise<void> | undefined
  /** Whether the clients that were left were sent away. */
  private hasSentAway = false

  constructor(deps: ShutdownDeps) {
    this.deps = deps
  }

  get hasBegun(): boolean {
    return this.phase !== 'serving'
  }

  /** Whether ticks are broadcast. */
  get takesTicks(): boolean {
    return this.phase === 'serving' || this.phase === 'draining'
  }

  /**
   * Begins the shutdown. Only the first call has an effect.
   *
   * @param stopSource resolves when no further tick comes
   * @returns resolves when everything has ended; rejects with the error of `stopSource`, also after everything has
   * ended
   */
  begin(times: ShutdownTimes, stopSource: () => Promise<void>): Promise<void> {
    this.done ??= this.run(times, stopSource)
    return this.done
  }

  /** Call it after each run of the transmitter: there may be room in the tick log for the rest of what came. */
  afterRun(): void {
    if (this.phase === 'closing') this.sendAwayRest()
  }

  private async run({ drainMs, timeoutMs }: ShutdownTimes, stopSource: () => Promise<void>): Promise<void> {
    const { clients, clock, counters, history, ingest, patience, supervisor, transmitter, watches } =
      this.deps
    this.phase = 'draining'
    clients.admission.refuseAll()
    if (drainMs > 0 && clients.registry.count > 0) await this.drain(drainMs)
    this.phase = 'stopping'
    try {
      await doneWithin(clock, timeoutMs, this.closeInOrder(stopSource))
    } finally {
      this.phase = 'stopped'
      clients.registry.stop()
      clients.resumeWaits.stop()
      clients.access?.stop()
      ingest.stop()
      transmitter.stop()
      await history.stop()
      await supervisor.stop()
      for (const watch of watches) watch.stop()
      patience.stop()
      counters.flush()
    }
  }

  /** Resolves when every client was asked to leave, or all have left. */
  private async drain(durationMs: number): Promise<void> {
    const { clients, clock } = this.deps
    const { registry } = clients
    let departures: Departures | undefined
    const areAsked = new Promise<void>(resolve => {
      departures = new Departures([...registry.all], durationMs, resolve, {
        clock,
        leave: client => registry.sayGoodbye(client, 'draining'),
      })
    })
    await Promise.race([areAsked, registry.empty()])
    departures!.stop()
  }

  /** Resolves when every client has been sent everything, and is gone. */
  private async closeInOrder(stopSource: () => Promise<void>): Promise<void> {
    await stopSource()
    // The time was over before the source had stopped.
    if (this.phase !== 'stopping') return
    this.phase = 'closing'
    const { clients, ingest } = this.deps
    // While somebody waits for this, the lanes wake the main thread whenever they get further.
    void ingest.caughtUp()
    this.sendAwayRest()
    await clients.registry.empty()
  }

  /** Sends away all clients that are left, behind everything that came. */
  private sendAwayRest(): void {
    const { clients, ingest } = this.deps
    // What waits for room in the log would come behind the goodbyes.
    if (this.hasSentAway || ingest.hasBacklog) return
    this.hasSentAway = true
    for (const client of clients.registry.all) clients.registry.sayGoodbye(client, 'draining')
  }
}
