/**
 * Finds clients that are gone or stuck: pings, and times out pongs, silence and writes. Main thread.
 * One timer for all. Pings are spread over the interval, a slot of clients at each beat. What is due is found at the front of
 * lists kept in the order of time, so a beat costs what is due, not what is connected.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Recipient } from '../fanout/recipient.js'
import type { Client } from './client.js'

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly readTimeoutMs: number
  readonly writeTimeoutMs: number
  /** Those with a write in flight, the longest first. */
  readonly blocked: () => Iterable<Recipient>
}

export interface HeartbeatEvents {
  pongMissing(client: Client): void
  silent(client: Client): void
  writeStuck(recipient: Recipient): void
}

/** The beat, where the timeouts are long enough for it: how late a timeout may be found. */
const BEAT_MS_MAX = 1_000

export class Heartbeat {
  private readonly options: HeartbeatOptions
  private readonly events: HeartbeatEvents
  private readonly slots: Set<Client>[]
  private readonly timer: Timer
  private slot = 0
  /** In the order in which they were pinged. */
  private readonly awaitingPong = new Set<Client>()
  /** In the order in which they were last heard of. */
  private readonly byLastHeard = new Set<Client>()

  constructor(options: HeartbeatOptions, events: HeartbeatEvents) {
    this.options = options
    this.events = events
    const shortest = Math.min(
      options.pingIntervalMs,
      options.pongTimeoutMs,
      options.readTimeoutMs,
      options.writeTimeoutMs,
    )
    const beatMs = Math.max(1, Math.min(BEAT_MS_MAX, Math.floor(shortest / 4)))
    const slotCount = Math.max(1, Math.floor(options.pingIntervalMs / beatMs))
    this.slots = Array.from({ length: slotCount }, () => new Set<Client>())
    this.timer = options.clock.every(beatMs, () => this.beat())
  }

  add(client: Client): void {
    this.slotOf(client).add(client)
    this.byLastHeard.add(client)
  }

  remove(client: Client): void {
    this.slotOf(client).delete(client)
    this.byLastHeard.delete(client)
    this.awaitingPong.delete(client)
  }

  /** Something came from the client. */
  heard(client: Client): void {
    client.lastHeardMs = this.options.clock.nowMs()
    if (!this.byLastHeard.delete(client)) return
    this.byLastHeard.add(client)
  }

  /** @returns whether it had been pinged */
  ponged(client: Client): boolean {
    const wasPinged = this.awaitingPong.delete(client)
    this.heard(client)
    return wasPinged
  }

  stop(): void {
    this.timer.cancel()
  }

  private slotOf(client: Client): Set<Client> {
    return this.slots[client.recipient.id % this.slots.length]!
  }

  private beat(): void {
    const nowMs = this.options.clock.nowMs()
    this.timeOut(nowMs)
    for (const client of this.slots[this.slot]!) this.ping(client, nowMs)
    this.slot = (this.slot + 1) % this.slots.length
  }

  private ping(client: Client, nowMs: number): void {
    // Also one that is blocked: a slow reader may be so at every beat, and only its pong tells that it is there.
    if (this.awaitingPong.has(client)) return
    if (client.socket.readyState !== client.socket.OPEN) return
    client.pingSentMs = nowMs
    this.awaitingPong.add(client)
    client.socket.ping()
  }

  /** The ping was, or still is, behind what the client had not taken. How long it takes nothing is the write timeout's business. */
  private postpone(client: Client, nowMs: number): void {
    client.pingSentMs = nowMs
    this.awaitingPong.delete(client)
    this.awaitingPong.add(client)
  }

  private timeOut(nowMs: number): void {
    const { options, events } = this
    for (const client of this.awaitingPong) {
      if (nowMs - client.pingSentMs < options.pongTimeoutMs) break
      const { isBlocked, unblockedMs } = client.recipient
      if (isBlocked || unblockedMs > client.pingSentMs) this.postpone(client, nowMs)
      else events.pongMissing(client)
    }
    for (const client of this.byLastHeard) {
      if (nowMs - client.lastHeardMs < options.readTimeoutMs) break
      events.silent(client)
    }
    for (const recipient of options.blocked()) {
      if (nowMs - recipient.blockedSinceMs < options.writeTimeoutMs) break
      events.writeStuck(recipient)
    }
  }
}
