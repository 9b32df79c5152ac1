/**
 * Lets connections into a server, and ends those of which nothing comes. Any thread.
 * A connection is pending until the server settles it: it has become a WebSocket, say. Pending connections are bounded in
 * number and in time, so whoever opens connections and sends nothing, or byte by byte, takes no more than that.
 */
import type { Socket } from 'node:net'
import { descriptorOf } from '../fanout/socket-write.js'
import type { Clock, Timer } from './clock.js'
import type { Log } from './log.js'

export interface ConnectionGateOptions {
  /** Whose connections they are, as in "connections of clients". */
  readonly what: string
  readonly pendingMax: number
  /** How long a connection may be pending, whatever it waits for. Default: any time. */
  readonly timeoutMs?: number
  /** From this file descriptor on none is left to connections, see `enter`. Default: all are. */
  readonly reservedFrom?: number | undefined
  readonly clock: Clock
  readonly log: Log
}

/** What became of connections, counted from the start. */
export interface ConnectionCounts {
  /** Ended for a newer one, because there were `pendingMax`. */
  readonly evicted: number
  /** Ended because they were pending for too long. */
  readonly timedOut: number
  /** Ended because the process needs its last file descriptors for other things. */
  readonly noDescriptor: number
  /** Errors of `accept`. */
  readonly acceptErrors: number
}

/** How late a time-out may be found. */
const SWEEP_MS = 1_000
/** Many connections are dropped together: one line tells of all that were dropped in this time. */
const LOG_INTERVAL_MS = 5_000

interface Pending {
  readonly sinceMs: number
  readonly forget: () => void
}

export class ConnectionGate {
  readonly #options: ConnectionGateOptions
  readonly #counts: Record<keyof ConnectionCounts, number> = {
    evicted: 0,
    timedOut: 0,
    noDescriptor: 0,
    acceptErrors: 0,
  }
  /** In the order in which they came. */
  readonly #pending = new Map<Socket, Pending>()
  readonly #sweep: Timer | undefined
  /** Pending connections for which there is room: fewer than `pendingMax` while file descriptors are short. */
  #room: number
  /** What the log has told already. */
  #logged: ConnectionCounts = { ...this.#counts }
  #logTimer: Timer | undefined
  #acceptError: unknown

  constructor(options: ConnectionGateOptions) {
    this.#options = options
    this.#room = options.pendingMax
    if (options.timeoutMs !== undefined) this.#sweep = options.clock.every(SWEEP_MS, () => this.#endLate())
  }

  get counts(): ConnectionCounts {
    return this.#counts
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  /**
   * Takes a connection that the server has accepted. Where there are as many pending ones as there may be, the oldest is
   * ended, not this one. A client that sends its request at once is pending for milliseconds. To keep it out somebody
   * must open `pendingMax` connections in that time. To refuse the newest would keep everybody out while somebody
   * holds the oldest.
   * Where file descriptors are short, fewer may be pending for a while; where none is pending, the new one is ended.
   *
   * @returns false when the connection was ended
   */
  enter(socket: Socket): boolean {
    const { clock, reservedFrom = Number.POSITIVE_INFINITY } = this.#options
    // The system gives the lowest descriptor that is free, so all lower ones are taken. NO_DESCRIPTOR is lower than any.
    const isShort = descriptorOf(socket) >= reservedFrom
    if (isShort && this.#pending.size === 0) {
      this.#end(socket, 'noDescriptor')
      return false
    }
    // One less than there were: the new one has a descriptor of the reserve, and the next ones get those that are freed now.
    if (isShort) this.#room = Math.max(1, this.#pending.size - 1)
    for (const oldest of this.#pending.keys()) {
      if (this.#pending.size < this.#room) break
      this.#end(oldest, isShort ? 'noDescriptor' : 'evicted')
    }
    const forget = () => this.#pending.delete(socket)
    this.#pending.set(socket, { sinceMs: clock.nowMs(), forget })
    socket.once('close', forget)
    return true
  }

  /** The connection has become what it came for. From now on other bounds hold for it. */
  settle(socket: Socket): void {
    const pending = this.#pending.get(socket)
    if (pending === undefined) return
    socket.off('close', pending.forget)
    this.#pending.delete(socket)
  }

  /** The server itself has ended a connection because its request did not come in time. */
  timedOut(): void {
    this.#count('timedOut')
  }

  /** The server could not accept a connection. */
  acceptFailed(error: unknown): void {
    this.#acceptError = error
    this.#count('acceptErrors')
  }

  /** Ends every pending connection, and logs what is not logged yet. */
  close(): void {
    this.#sweep?.cancel()
    for (const socket of this.#pending.keys()) socket.destroy()
    this.#logTimer?.cancel()
    if (this.#logTimer !== undefined) this.#writeLog()
  }

  #endLate(): void {
    const { clock, timeoutMs = Number.POSITIVE_INFINITY } = this.#options
    const nowMs = clock.nowMs()
    for (const [socket, { sinceMs }] of this.#pending) {
      if (nowMs - sinceMs < timeoutMs) break
      this.#end(socket, 'timedOut')
    }
  }

  #end(socket: Socket, why: keyof ConnectionCounts): void {
    this.#pending.delete(socket)
    socket.destroy()
    this.#count(why)
  }

  #count(what: keyof ConnectionCounts): void {
    this.#counts[what]++
    this.#logTimer ??= this.#options.clock.after(LOG_INTERVAL_MS, () => this.#writeLog())
  }

  #writeLog(): void {
    this.#logTimer = undefined
    const { log, pendingMax, what } = this.#options
    this.#room = pendingMax
    const counts = { ...this.#counts }
    const evicted = counts.evicted - this.#logged.evicted
    const timedOut = counts.timedOut - this.#logged.timedOut
    const noDescriptor = counts.noDescriptor - this.#logged.noDescriptor
    const acceptErrors = counts.acceptErrors - this.#logged.acceptErrors
    this.#logged = counts
    const details = { evicted, timedOut, noDescriptor, acceptErrors, pending: this.#pending.size, pendingMax }
    const message = `connections of ${what} were dropped`
    if (acceptErrors > 0) log.error({ ...details, err: this.#acceptError }, message)
    // A browser opens connections that it may not need, and a port scanner does so, too.
    else if (evicted + noDescriptor === 0) log.info(details, message)
    else log.warn(details, message)
  }
}
