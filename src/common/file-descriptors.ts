/**
 * How many file descriptors the process may have, and how many connections they are enough for. Main thread.
 * When a process has none left, Node's `accept` ends the next connections and tells nobody (libuv keeps one descriptor for
 * that), and files, lanes and calls to the feed fail. So connections are bounded before that.
 */
import { readdirSync } from 'node:fs'

/** The event loop of a thread. */
const PER_THREAD = 4
/** The embedded feed, and a lane that is started while the one that it replaces ends. */
const OTHER_THREADS = 2
/** Kept free of connections. A lane that replaces another opens almost 40 files at once as it loads; the rest is for calls to the feed. */
export const SPARE_DESCRIPTORS = 48
/** Of what clients and pending connections may have together where there is too little for both: 1 / this. */
const PENDING_PART = 4

/** The limit of this process (`ulimit -n`; Node raises the soft limit to the hard one); Infinity where there is none. */
export function descriptorLimit(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}

/** How many are open now. */
export function openDescriptors(): number {
  try {
    return readdirSync('/dev/fd').length
  } catch {
    // Where there is no such folder nobody knows of a limit either.
    return 0
  }
}

export interface ConnectionDemand {
  readonly maxClients: number
  readonly pendingMax: number
  readonly lanes: number
  /** Connections to other servers of the process. */
  readonly otherConnections: number
  /** File descriptors that were open before anything was started. */
  readonly openBefore: number
  readonly limit: number
}

export interface ConnectionBounds {
  readonly maxClients: number
  readonly pendingMax: number
  /** File descriptors with which both bounds could be as they were asked for. */
  readonly needed: number
}

/** The bounds asked for, lowered where the descriptors are too few. Each is at least 1. */
export function connectionBounds(demand: ConnectionDemand): ConnectionBounds {
  const { maxClients, pendingMax, lanes, otherConnections, openBefore, limit } = demand
  const own = openBefore + PER_THREAD * (lanes + OTHER_THREADS) + otherConnections + SPARE_DESCRIPTORS
  const room = Math.max(2, limit - own)
  const pending = Math.min(pendingMax, Math.max(Math.floor(room / PENDING_PART), room - maxClients, 1))
  return {
    maxClients: Math.min(maxClients, room - pending),
    pendingMax: pending,
    needed: own + maxClients + pendingMax,
  }
}
