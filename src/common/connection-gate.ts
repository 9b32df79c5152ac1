/**
 * Bounds the pending connections of a server, in number and in time. Any thread.
 * A connection is pending until the server settles it, for example when it has become a WebSocket. A peer that opens
 * connections and sends nothing, or sends byte by byte, therefore takes a bounded share.
 */
import type { Socket } from 'node:net'
import type { Clock, Timer } from './clock.js'
import type { Log } from './log.js'
import { descriptorOf } from './socket-handle.js'

export interface ConnectionGateOptions {
  /** The owner of the connections, as in "connections of clients". */
  readonly what: string
  readonly pendingMax: number
  /** Longest time for which a connection may be pending. Default: no limit. */
  readonly timeoutMs?: number
  /** Connections may have the file descriptors below this one, see `enter`. Default: every descriptor. */
  readonly reservedFrom?: number | undefined
  readonly clock: Clock
  readonly log: Log
}

/** Why connections were ended, counted from the start. */
export interface ConnectionCounts {
  /** Ended for a newer connection, because `pendingMax` were pending. */
  readonly evicted: number
  /** Ended after `timeoutMs`, or by the server's own timeout. */
  readonly timedOut: number
  /** Ended because the process needs its last file descriptors for files, lanes and calls. */
  readonly noDescriptor: number
  /** Ended because no proxy has told who its client is. */
  readonly unproxied: number
  /** Errors of `accept`. */
  readonly acceptErrors: number
}

/** A connection is ended at most this late. */
const SWEEP_MS = 1_000
/** One log line reports all the connections that were ended in this time. */
const LOG_INTERVAL_MS = 5_000

interface Pending {
  readonly sinceMs: number
  readonly forget: () => void
}

export class ConnectionGate {
  private readonly options: ConnectionGateOptions
  private readonly _counts: Record<keyof ConnectionCounts, number> = {
    evicted: 0,
    timedOut: 0,
    noDescriptor: 0,
    unproxied: 0,
    acceptErrors: 0,
  }
  /** The oldest first. */
  private readonly pending = new Map<Socket, Pending>()
  private readonly sweep: Timer | undefined
  /** Most pending connections now: fewer than `pendingMax` while file descriptors are short. */
  private room: number
  /** The counts that are in the log already. */
  private logged: ConnectionCounts = { ...this._counts }
  private logTimer: Timer | undefined
  private acceptError: unknown

  constructor(options: ConnectionGateOptions) {
    this.options = options
    this.room = options.pendingMax
    if (options.timeoutMs !== undefined) this.sweep = options.clock.every(SWEEP_MS, () => this.endLate())
  }

  get counts(): ConnectionCounts {
    return this._counts
  }

  get pendingCount(): number {
    return this.pending.size
  }

  /**
   * Takes a connection that the server has accepted. At the bound, the oldest pending connection is ended, not this one:
   * a client sends its request at once, so an attacker would need `pendingMax` connections within milliseconds.
   * While file descriptors are short, fewer connections may be pending. If none is pending, the new one is ended.
   *
   * @returns false when the connection was ended
   */
  enter(socket: Socket): boolean {
    const { clock, reservedFrom = Number.POSITIVE_INFINITY } = this.options
    // The system assigns the lowest free descriptor, so all lower ones are in use. NO_DESCRIPTOR is lower than any.
    const isShort = descriptorOf(socket) >= reservedFrom
    if (isShort && this.pending.size === 0) {
      this.end(socket, 'noDescriptor')
      return false
    }
    // One less than are pending: the new one has a reserved descriptor, and the next ones get those that are freed here.
    if (isShort) this.room = Math.max(1, this.pending.size - 1)
    for (const oldest of this.pending.keys()) {
      if (this.pending.size < this.room) break
      this.end(oldest, isShort ? 'noDescriptor' : 'evicted')
    }
    const forget = () => this.pending.delete(socket)
    this.pending.set(socket, { sinceMs: clock.nowMs(), forget })
    socket.once('close', forget)
    return true
  }

  /** The connection is no longer pending. The server bounds it in another way. */
  settle(socket: Socket): void {
    const pending = this.pending.get(socket)
    if (pending === undefined) return
    socket.off('close', pending.forget)
    this.pending.delete(socket)
  }

  /** The server itself has ended a connection whose request was late. */
  timedOut(): void {
    this.count('timedOut')
  }

  /** The server itself has ended a connection that does not begin as those of its proxies. */
  refused(): void {
    this.count('unproxied')
  }

  /** The server could not accept a connection. */
  acceptFailed(error: unknown): void {
    this.acceptError = error
    this.count('acceptErrors')
  }

  /** Ends every pending connection, and logs the counts that are not in the log yet. */
  close(): void {
    this.sweep?.cancel()
    for (const socket of this.pending.keys()) socket.destroy()
    this.logTimer?.cancel()
    if (this.logTimer !== undefined) this.writeLog()
  }

  private endLate(): void {
    const { clock, timeoutMs = Number.POSITIVE_INFINITY } = this.options
    const nowMs = clock.nowMs()
    for (const [socket, { sinceMs }] of this.pending) {
      if (nowMs - sinceMs < timeoutMs) break
      this.end(socket, 'timedOut')
    }
  }

  private end(socket: Socket, why: keyof ConnectionCounts): void {
    this.pending.delete(socket)
    socket.destroy()
    this.count(why)
  }

  private count(what: keyof ConnectionCounts): void {
    this._counts[what]++
    this.logTimer ??= this.options.clock.after(LOG_INTERVAL_MS, () => this.writeLog())
  }

  private writeLog(): void {
    this.logTimer = undefined
    const { log, pendingMax, what } = this.options
    this.room = pendingMax
    const counts = { ...this._counts }
    const evicted = counts.evicted - this.logged.evicted
    const timedOut = counts.timedOut - this.logged.timedOut
    const noDescriptor = counts.noDescriptor - this.logged.noDescriptor
    const unproxied = counts.unproxied - this.logged.unproxied
    const acceptErrors = counts.acceptErrors - this.logged.acceptErrors
    this.logged = counts
    const details = {
      evicted,
      timedOut,
      noDescriptor,
      acceptErrors,
      pending: this.pending.size,
      pendingMax,
      ...(unproxied > 0 && { unproxied }),
    }
    const message = `connections of ${what} were dropped`
    if (acceptErrors > 0) log.error({ ...details, err: this.acceptError }, message)
    // No warning for timeouts alone: browsers open connections that they do not use, and so do port scanners.
    else if (evicted + noDescriptor + unproxied === 0) log.info(details, message)
    else log.warn(details, message)
  }
}
