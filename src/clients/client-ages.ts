/**
 * Finds clients that are as old as a client may become. Main thread.
 * Each client has an age of its own, so that clients which came together do not leave together. A look costs only what
 * is due.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Client } from './client.js'

/** A client becomes up to this share younger or older than the setting. */
const JITTER = 0.1
/** How often to look. */
const LOOK_MS = 1000

export interface ClientAgesDeps {
  /** 0: clients may become as old as they like. */
  readonly maxAgeMs: number
  readonly clock: Pick<Clock, 'nowMs' | 'every'>
  readonly tooOld: (client: Client) => void
  /** Returns 0 up to, not including, 1. Default `Math.random`. */
  readonly random?: () => number
}

export class ClientAges {
  private readonly deps: ClientAgesDeps
  /** The clients by the look at which they are too old. */
  private readonly byLook = new Map<number, Set<Client>>()
  private readonly lookOf = new Map<Client, number>()
  private readonly timer: Timer | undefined
  private readonly startMs: number
  private looks = 0

  constructor(deps: ClientAgesDeps) {
    this.deps = deps
    this.startMs = deps.clock.nowMs()
    if (deps.maxAgeMs > 0) this.timer = deps.clock.every(LOOK_MS, () => this.look())
  }

  add(client: Client): void {
    const { clock, maxAgeMs, random = Math.random } = this.deps
    if (maxAgeMs === 0) return
    const ageMs = maxAgeMs * (1 - JITTER + 2 * JITTER * random())
    const look = Math.ceil((clock.nowMs() - this.startMs + ageMs) / LOOK_MS)
    this.lookOf.set(client, look)
    const due = this.byLook.get(look)
    if (due === undefined) this.byLook.set(look, new Set([client]))
    else due.add(client)
  }

  remove(client: Client): void {
    const look = this.lookOf.get(client)
    if (look === undefined) return
    this.lookOf.delete(client)
    const due = this.byLook.get(look)
    due?.delete(client)
    if (due?.size === 0) this.byLook.delete(look)
  }

  stop(): void {
    this.timer?.cancel()
  }

  private look(): void {
    const now = Math.floor((this.deps.clock.nowMs() - this.startMs) / LOOK_MS)
    while (this.looks < now) {
      this.looks++
      for (const client of this.byLook.get(this.looks) ?? []) {
        this.lookOf.delete(client)
        this.deps.tooOld(client)
      }
      this.byLook.delete(this.looks)
    }
  }
}
