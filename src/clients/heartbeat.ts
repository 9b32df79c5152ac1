/**
 * Finds clients that are gone or stuck: sends pings, and times out pongs, silence, writes and close handshakes. Main
 * thread. A slow client is not late while it takes bytes: docs/decisions/0024-progress-in-the-kernel.md.
 * A beat costs only what is due: each list of clients is in the order of time, and pings are spread over the interval.
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
  /** The recipients with a write in flight. */
  readonly blocked: () => Iterable<Recipient>
}

export interface HeartbeatEvents {
  pongMissing(client: Client): void
  silent(client: Client): void
  /** Called again and again while the recipient is blocked. */
  writeStuck(recipient: Recipient): void
  closeStuck(client: Client): void
}

/** How often the kernel is asked in each timeout what late clients have taken. */
const LOOKS_PER_TIMEOUT = 4
/** Asking the kernel may take one twentieth of the time: it lists all connections of the machine. */
const LOOK_TIME_DIVISOR = 20
/** The ping still waits in the socket's stream, behind bytes that the kernel has not taken. */
const NOT_GIVEN = Number.POSITIVE_INFINITY

export class Heartbeat {
  private readonly options: HeartbeatOptions
  private readonly events: HeartbeatEvents
  /** Each beat pings the clients of the next slot. */
  private readonly slots: Set<Client>[]
  private slot = 0
  /** In the order of `pingSentMs`. */
  private readonly awaitingPong = new Set<Client>()
  /** In the order of `lastHeardMs`. */
  private readonly byLastHeard = new Set<Client>()
  /** In the order of `closingMs`. */
  private readonly inCloseHandshake = new Set<Client>()
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
    this.inCloseHandshake.delete(client)
  }

  /** A message, ping or pong came from the client. */
  heard(client: Client): void {
    this.isAlive(client, this.options.patience.nowMs())
  }

  /** A message of the client begins or ends to wait. During the wait the client is not read. */
  restartTimeouts(client: Client): void {
    this.heard(client)
    if (!this.awaitingPong.has(client)) return
    client.signs.pingSentMs = this.options.patience.nowMs()
    moveToEnd(this.awaitingPong, client)
  }

  /** A pong came. @returns whether it replies to a ping */
  ponged(client: Client): boolean {
    const wasPinged = this.awaitingPong.delete(client)
    this.heard(client)
    return wasPinged
  }

  /** The client's close handshake begins. Safe to call twice. */
  closing(client: Client): void {
    if (this.inCloseHandshake.has(client)) return
    client.signs.closingMs = this.options.patience.nowMs()
    this.inCloseHandshake.add(client)
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
    if (this.awaitingPong.has(client)) return
    const { recipient, signs, socket } = client
    if (socket.readyState !== socket.OPEN) return
    signs.pingSentMs = nowMs
    this.awaitingPong.add(client)
    // Blocked clients are pinged, too: a slow reader may be blocked at every beat.
    socket.ping()
    signs.pingEndBytes = recipient.isBlocked ? NOT_GIVEN : recipient.givenBytes
    if (!recipient.isBlocked) recipient.progressChecks = 0
  }

  private isAlive(client: Client, nowMs: number): void {
    client.signs.lastHeardMs = nowMs
    if (this.byLastHeard.has(client)) moveToEnd(this.byLastHeard, client)
  }

  // Judging

  /** Whether a timeout may have passed, or it is time to see again what late clients have taken. */
  private isLookDue(nowMs: number): boolean {
    const sinceLookMs = nowMs - this.lastLookMs
    if (this.isLooking || sinceLookMs < LOOK_TIME_DIVISOR * this.lookTookMs) return false
    const { closeTimeoutMs, pongTimeoutMs, readTimeoutMs, writeTimeoutMs } = this.options
    const waitsForPongMs = nowMs - (first(this.awaitingPong)?.signs.pingSentMs ?? nowMs)
    if (waitsForPongMs >= pongTimeoutMs) return true
    if (nowMs - (first(this.byLastHeard)?.signs.lastHeardMs ?? nowMs) >= readTimeoutMs) return true
    if (nowMs - (first(this.inCloseHandshake)?.signs.closingMs ?? nowMs) >= closeTimeoutMs) return true
    let isAnyBlocked = false
    for (const recipient of this.options.blocked()) {
      if (nowMs - recipient.stuckSinceMs >= writeTimeoutMs) return true
      isAnyBlocked = true
    }
    return sinceLookMs >= this.lookPeriodMs && (isAnyBlocked || waitsForPongMs >= this.lookPeriodMs)
  }

  /** Reads from the kernel what late clients have taken, then ends the clients whose timeout has passed. */
  private async look(nowMs: number): Promise<void> {
    const { patience } = this.options
    this.isLooking = true
    this.lastLookMs = nowMs
    const startMs = patience.nowMs()
    const queues = await KernelQueues.read()
    this.lookTookMs = patience.nowMs() - startMs
    this.isLooking = false
    if (this.isStopped) return
    for (const recipient of this.options.blocked())
      recipient.checkProgress(queues.untaken(recipient.inode), nowMs)
    for (const client of this.awaitingPong) {
      const { recipient, signs } = client
      // Clients whose ping is on its way stand at the end, behind this one.
      if (nowMs - signs.pingSentMs < this.lookPeriodMs) break
      if (!recipient.isBlocked) recipient.checkProgress(queues.untaken(recipient.inode), nowMs)
      if (!isPingOnItsWay(client, nowMs)) continue
      signs.pingSentMs = nowMs
      moveToEnd(this.awaitingPong, client)
      // The client cannot reply before it has read up to the ping.
      if (recipient.takenMs === nowMs) this.isAlive(client, nowMs)
    }
    this.timeOut(nowMs)
  }

  private timeOut(nowMs: number): void {
    const { events, options } = this
    for (const client of this.awaitingPong) {
      if (nowMs - client.signs.pingSentMs < options.pongTimeoutMs) break
      if (client.recipient.progressChecks > 1) events.pongMissing(client)
    }
    for (const client of this.byLastHeard) {
      if (nowMs - client.signs.lastHeardMs < options.readTimeoutMs) break
      events.silent(client)
    }
    for (const recipient of options.blocked()) {
      const isStuck = nowMs - recipient.stuckSinceMs >= options.writeTimeoutMs
      if (isStuck && recipient.progressChecks > 1) events.writeStuck(recipient)
    }
    for (const client of this.inCloseHandshake) {
      const { recipient, signs } = client
      if (nowMs - signs.closingMs < options.closeTimeoutMs) break
      if (!recipient.isBlocked || recipient.takenMs <= signs.closingMs) events.closeStuck(client)
      else {
        signs.closingMs = nowMs
        moveToEnd(this.inCloseHandshake, client)
      }
    }
  }
}

/** Whether the client takes the bytes in front of the ping. The write timeout judges a client that takes none. */
function isPingOnItsWay({ recipient, signs }: Client, nowMs: number): boolean {
  if (recipient.isBlocked) return true
  if (signs.pingEndBytes === NOT_GIVEN) {
    signs.pingEndBytes = recipient.givenBytes
    return true
  }
  return recipient.takenMs === nowMs && recipient.takenBytes < signs.pingEndBytes
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item
  return undefined
}

function moveToEnd<T>(set: Set<T>, item: T): void {
  set.delete(item)
  set.add(item)
}
