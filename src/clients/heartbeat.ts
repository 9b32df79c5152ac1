/**
 * Finds clients that are gone or stuck: pings, and times out pongs, silence, writes and close handshakes. Main thread.
 * Pings are spread over the interval, a slot of clients at each beat. Who is due is found at the front of lists kept in the order of time,
 * so a beat costs what is due, not what is connected; only those are looked at one by one that have not taken all that was written to them.
 * A client is judged by what it could have taken and said: it is late when it takes nothing, not when it takes its time.
 */

import type { PatientClock } from '../common/patient-clock.js'
import type { Recipient } from '../fanout/recipient.js'
import type { Client } from './client.js'
import { KernelQueues } from './kernel-queues.js'

export interface HeartbeatOptions {
  readonly patience: PatientClock
  readonly pingIntervalMs: number
  readonly pongTimeoutMs: number
  readonly readTimeoutMs: number
  readonly writeTimeoutMs: number
  readonly closeTimeoutMs: number
  /** Those with a write in flight. */
  readonly blocked: () => Iterable<Recipient>
}

export interface HeartbeatEvents {
  pongMissing(client: Client): void
  silent(client: Client): void
  /** Told at each beat until it is not blocked any more. */
  writeStuck(recipient: Recipient): void
  closeStuck(client: Client): void
}

/** In each timeout it is seen so often what those who wait have taken … */
const LOOKS_PER_TIMEOUT = 4
/** … unless looking takes more than one part in so many of the time: the kernel lists all connections of the machine. */
const LOOKING_PART = 20
/** The ping waits in the stream, behind what the kernel has not taken. */
const NOT_GIVEN = Number.POSITIVE_INFINITY

export class Heartbeat {
  private readonly options: HeartbeatOptions
  private readonly events: HeartbeatEvents
  private readonly slots: Set<Client>[]
  private slot = 0
  /** In the order in which they were pinged. */
  private readonly awaitingPong = new Set<Client>()
  /** In the order in which they were last heard of. */
  private readonly byLastHeard = new Set<Client>()
  /** In the order in which their close handshakes began. */
  private readonly closing = new Set<Client>()
  private readonly lookPeriodMs: number
  private lastLookMs = 0
  private lookTookMs = 0
  private isLooking = false
  private isStopped = false

  constructor(options: HeartbeatOptions, events: HeartbeatEvents) {
    this.options = options
    this.events = events
    const { patience, pingIntervalMs, pongTimeoutMs, writeTimeoutMs } = options
    const slotCount = Math.max(1, Math.floor(pingIntervalMs / patience.beatMs))
    this.slots = Array.from({ length: slotCount }, () => new Set<Client>())
    this.lookPeriodMs = Math.min(pongTimeoutMs, writeTimeoutMs) / LOOKS_PER_TIMEOUT
    patience.onBeat(nowMs => this.beat(nowMs))
  }

  add(client: Client): void {
    this.slotOf(client).add(client)
    this.byLastHeard.add(client)
  }

  remove(client: Client): void {
    this.slotOf(client).delete(client)
    this.byLastHeard.delete(client)
    this.awaitingPong.delete(client)
    this.closing.delete(client)
  }

  /** Something came from the client. */
  heard(client: Client): void {
    this.isAlive(client, this.options.patience.nowMs())
  }

  /** @returns whether it had been pinged */
  ponged(client: Client): boolean {
    const wasPinged = this.awaitingPong.delete(client)
    this.heard(client)
    return wasPinged
  }

  /** The client's close handshake has begun. Safe to call twice. */
  close(client: Client): void {
    if (this.closing.has(client)) return
    client.closingMs = this.options.patience.nowMs()
    this.closing.add(client)
  }

  stop(): void {
    this.isStopped = true
  }

  private slotOf(client: Client): Set<Client> {
    return this.slots[client.recipient.id % this.slots.length]!
  }

  private beat(nowMs: number): void {
    if (this.isStopped) return
    if (this.isLookDue(nowMs)) void this.look(nowMs)
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
    const { recipient } = client
    client.pingEndBytes = recipient.isBlocked ? NOT_GIVEN : recipient.givenBytes
    if (!recipient.isBlocked) recipient.looks = 0
  }

  private isAlive(client: Client, nowMs: number): void {
    client.lastHeardMs = nowMs
    if (this.byLastHeard.has(client)) moveToEnd(this.byLastHeard, client)
  }

  // Judging

  /** Whether somebody's time may be up, or those are to be looked at who have not taken all. */
  private isLookDue(nowMs: number): boolean {
    const sinceLookMs = nowMs - this.lastLookMs
    if (this.isLooking || sinceLookMs < LOOKING_PART * this.lookTookMs) return false
    const { closeTimeoutMs, pongTimeoutMs, readTimeoutMs, writeTimeoutMs } = this.options
    const waitsForPongMs = nowMs - (first(this.awaitingPong)?.pingSentMs ?? nowMs)
    if (waitsForPongMs >= pongTimeoutMs) return true
    if (nowMs - (first(this.byLastHeard)?.lastHeardMs ?? nowMs) >= readTimeoutMs) return true
    if (nowMs - (first(this.closing)?.closingMs ?? nowMs) >= closeTimeoutMs) return true
    let isAnyBlocked = false
    for (const recipient of this.options.blocked()) {
      if (nowMs - recipient.stuckSinceMs >= writeTimeoutMs) return true
      isAnyBlocked = true
    }
    return sinceLookMs >= this.lookPeriodMs && (isAnyBlocked || waitsForPongMs >= this.lookPeriodMs)
  }

  /** Looks at how much those have taken who have not taken all, and judges whose time is up. */
  private async look(nowMs: number): Promise<void> {
    const { patience } = this.options
    this.isLooking = true
    this.lastLookMs = nowMs
    const startMs = patience.nowMs()
    const queues = await KernelQueues.read()
    this.lookTookMs = patience.nowMs() - startMs
    this.isLooking = false
    if (this.isStopped) return
    for (const recipient of this.options.blocked()) recipient.look(queues.untaken(recipient.inode), nowMs)
    for (const client of this.awaitingPong) {
      // Whoever is put off goes to the end, behind all that are looked at.
      if (nowMs - client.pingSentMs < this.lookPeriodMs) break
      const { recipient } = client
      if (!recipient.isBlocked) recipient.look(queues.untaken(recipient.inode), nowMs)
      if (!this.isPingOnItsWay(client, nowMs)) continue
      client.pingSentMs = nowMs
      moveToEnd(this.awaitingPong, client)
      // It cannot be heard of before it gets to the ping.
      if (recipient.takenMs === nowMs) this.isAlive(client, nowMs)
    }
    this.timeOut(nowMs)
  }

  /** Whether the ping is behind what the client has not taken. How long it may take nothing is the write timeout's business. */
  private isPingOnItsWay(client: Client, nowMs: number): boolean {
    const { recipient } = client
    if (recipient.isBlocked) return true
    if (client.pingEndBytes === NOT_GIVEN) {
      client.pingEndBytes = recipient.givenBytes
      return true
    }
    return recipient.takenMs === nowMs && recipient.takenBytes < client.pingEndBytes
  }

  private timeOut(nowMs: number): void {
    const { events, options } = this
    for (const client of this.awaitingPong) {
      if (nowMs - client.pingSentMs < options.pongTimeoutMs) break
      if (client.recipient.looks > 1) events.pongMissing(client)
    }
    for (const client of this.byLastHeard) {
      if (nowMs - client.lastHeardMs < options.readTimeoutMs) break
      events.silent(client)
    }
    for (const recipient of options.blocked()) {
      const isStuck = nowMs - recipient.stuckSinceMs >= options.writeTimeoutMs
      if (isStuck && recipient.looks > 1) events.writeStuck(recipient)
    }
    for (const client of this.closing) {
      if (nowMs - client.closingMs < options.closeTimeoutMs) break
      const { isBlocked, takenMs } = client.recipient
      if (!isBlocked || takenMs <= client.closingMs) events.closeStuck(client)
      else {
        client.closingMs = nowMs
        moveToEnd(this.closing, client)
      }
    }
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item
  return undefined
}

function moveToEnd<T>(set: Set<T>, item: T): void {
  set.delete(item)
  set.add(item)
}
