/**
 * Computes how many connections the file descriptors of the process allow. Main thread.
 * Without a free descriptor, libuv ends new connections without an error, and files, lanes and calls to the feed fail. So
 * connections are bounded before that.
 */
import { readdirSync } from 'node:fs'

/** Descriptors of the event loop of a thread. */
const PER_THREAD = 4
/** The embedded feed, the thread that reads the past, and a lane that is started while the one that it replaces ends. */
const OTHER_THREADS = 3
/** Descriptors that connections never get: a replacement lane opens almost 40 files as it loads, and the feed is called. */
export const SPARE_DESCRIPTORS = 48
/** When descriptors are short, pending connections get one of this many parts, and clients the others. */
const PENDING_PART = 5

/** The limit of this process (`ulimit -n`; Node raises the soft limit to the hard one); Infinity without a limit. */
export function descriptorLimit(): number {
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY
}

/** The number of open descriptors. */
export function openDescriptors(): number {
  try {
    return readdirSync('/dev/fd').length
  } catch {
    // A system without this folder has no known limit either.
    return 0
  }
}

export interface ConnectionDemand {
  readonly maxClients: number
  readonly pendingMax: number
  readonly lanes: number
  /** Most connections to the other servers of the process. */
  readonly otherConnections: number
  /** Descriptors that were open before the start. */
  readonly openBefore: number
  readonly limit: number
}

export interface ConnectionBounds {
  readonly maxClients: number
  readonly pendingMax: number
  /** Descriptors that the requested bounds need. */
  readonly needed: number
}

/** The requested bounds, or lower ones when descriptors are too few. Each is at least 1. */
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
