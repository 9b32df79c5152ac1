/**
 * One client as the transmitter sees it: a socket, a place in an audience, and what it asks for. Main thread.
 */
import type { Duplex } from 'node:stream'
import { bytesHandedTo, bytesQueuedIn, descriptorOf, inodeOf } from '../common/socket-handle.js'
import { AudienceCursor } from './audience-cursor.js'
import type { SegmentPins } from './segment-pins.js'
import { NO_SYMBOL_BUDGET, type SymbolBudget } from './symbol-budget.js'
import { Transfer } from './transfer.js'

/** How far behind a client may be before it is told what it has not got as a gap. */
export interface LagLimits {
  readonly lagBytesMax: number
  /** Ticks older than this are not sent, ms. */
  readonly ageMsMax: number
}

export const NO_LIMITS: LagLimits = { lagBytesMax: Infinity, ageMsMax: Infinity }

export class Recipient {
  readonly id: number
  /** Public and unique among all processes. */
  readonly name: string
  readonly socket: Duplex
  /** Of the socket, see socket-handle.ts. */
  readonly descriptor: number
  readonly limits: LagLimits
  readonly cursor = new AudienceCursor(this)
  readonly transfer = new Transfer()
  /** Pays for the audiences that are opened for the client, as long as they are open. */
  symbolBudget: SymbolBudget = NO_SYMBOL_BUDGET
  /** When the kernel last refused to take all, ms; 0 while nothing is in flight. */
  blockedSinceMs = 0
  /** Bytes that the kernel has taken past the stream. */
  directBytes = 0
  /** Ticks that it was given, without those as a live member of its audience: see given-ticks.ts. */
  ticksBefore = 0
  /** Gaps that it was told because it was slow. */
  gaps = 0
  /** The longest lag of those that have ended, see client-lag.ts, in whole ms. */
  worstLagMs = 0
  /** Work for all replies of its lane without replays, see docs/limits.md. The client is charged for it. */
  replyWork = 0
  /** How often its progress was looked at, since it was blocked, or pinged while it was not. */
  progressChecks = 0
  /** Bytes that it had taken at the last look. */
  takenBytes = 0
  /** The last look that found it had taken something since the look before, ms. */
  takenMs = 0
  /** Segments whose bytes its socket still holds. */
  readonly pins: { readonly pins: SegmentPins; readonly segment: number }[] = []
  /** Set once, when its socket is done with. */
  hasLeft = false
  private knownInode: number | undefined

  constructor(id: number, name: string, socket: Duplex, limits: LagLimits = NO_LIMITS) {
    this.id = id
    this.name = name
    this.socket = socket
    this.descriptor = descriptorOf(socket)
    this.limits = limits
  }

  /** The number by which the system knows its connection. */
  get inode(): number {
    this.knownInode ??= inodeOf(this.socket)
    return this.knownInode
  }

  /** Bytes that its connection was given. */
  get givenBytes(): number {
    return this.directBytes + bytesHandedTo(this.socket)
  }

  /** Bytes that it was sent, its replies included; also when the connection is gone. Under TLS before encryption. */
  get sentBytes(): number {
    return this.directBytes + ((this.socket as { readonly bytesWritten?: number }).bytesWritten ?? 0)
  }

  /** Since when it has been blocked and has taken nothing, as far as that is known. */
  get stuckSinceMs(): number {
    return Math.max(this.blockedSinceMs, this.takenMs)
  }

  /** Looks at how much it has taken. @param untakenBytes of its connection in the kernel */
  checkProgress(untakenBytes: number, nowMs: number): void {
    const takenBytes = this.givenBytes - bytesQueuedIn(this.socket) - untakenBytes
    if (this.progressChecks > 0 && takenBytes > this.takenBytes) this.takenMs = nowMs
    this.takenBytes = takenBytes
    this.progressChecks++
  }

  get isBlocked(): boolean {
    return this.blockedSinceMs !== 0
  }
}
