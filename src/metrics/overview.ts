/**
 * What the dashboard and `ringcast top` show of a gateway, or of several processes on one port: the JSON of
 * `GET /overview`. Any thread. Totals only grow, so a reader gets rates from two overviews.
 */
import type { ClientRow } from './client-view.js'
import type { HistogramView } from './histogram.js'

export interface OverviewSource {
  /** For people: the addresses of the feed. */
  readonly name: string
  readonly state: 'connecting' | 'live' | 'stopped'
  /** Whether it waits because the slowest lane is behind. */
  readonly isPaused: boolean
  /** Why the last session ended; null: none has failed. */
  readonly lastError: string | null
  readonly reconnects: number
  readonly epoch: string
  /** Offset of the newest tick. */
  readonly offset: number
}

export interface OverviewClients {
  readonly connected: number
  /** Waiting for their turn to be let in. */
  readonly waiting: number
  /** Most at a time. */
  readonly max: number
  /** By what they get: every tick, or the latest ones. */
  readonly every: number
  readonly latest: number
  /** Their sockets have not taken the last write. */
  readonly blocked: number
  /** The longest lag of a client now. */
  readonly lagMaxMs: number
}

/** Counted from the start of the process. */
export interface OverviewTotals {
  readonly ticksIn: number
  readonly bytesIn: number
  /** Ticks handed to sockets, counted for each client. Divided by `ticksIn`: the amplification. */
  readonly ticksOut: number
  readonly messagesOut: number
  readonly bytesOut: number
  /** Gaps that clients were told because they were slow, and the ticks in them. */
  readonly gaps: number
  readonly ticksDropped: number
  /** Clients that were let in, refused, and ended as slow. */
  readonly entered: number
  readonly refused: number
  readonly slowEnded: number
  readonly laneRestarts: number
}

export interface OverviewLane {
  /** Number of the process; 1 for the only one. */
  readonly process: number
  readonly lane: number
  /** False: it starts, or it has ended and its successor is about to begin. */
  readonly isRunning: boolean
  /** Times it was replaced. */
  readonly restarts: number
  /** Time spent working and asleep, from the start. */
  readonly busyUs: number
  readonly idleUs: number
  /** Ticks that it has not finished, and those that it may be behind before the source is paused. */
  readonly queueTicks: number
  readonly queueTicksMax: number
  /** Bytes of segments of its frame ring that sockets hold, so that it cannot write there, and all bytes. */
  readonly ringUsedBytes: number
  readonly ringBytes: number
  /** Turns published, and the bytes in them, from the start. */
  readonly turns: number
  readonly frameBytes: number
  readonly audiences: number
  readonly clients: number
}

/** Counts of the newest ticks by symbol: a sample of a bounded number of them. */
export interface SymbolSample {
  /** Ticks in the sample. */
  readonly ticks: number
  /** From the arrival of its first tick to that of the last. */
  readonly spanMs: number
  /** Those with the most ticks first. */
  readonly busiest: readonly { readonly symbol: string; readonly ticks: number }[]
}

/** A line of the log. */
export interface OverviewEvent {
  /** Number of the process that wrote it; 0: the first of several processes, which has no clients. */
  readonly process: number
  /** Of the process: 1, 2, 3 … */
  readonly id: number
  /** Since the Unix epoch. */
  readonly atMs: number
  readonly level: 'info' | 'warn' | 'error'
  readonly message: string
  /** As a line of text; it may hold what clients and the feed have sent. */
  readonly details: string
}

export interface OverviewProcess {
  readonly process: number
  readonly pid: number | null
  readonly ready: boolean
  /** As `/readyz` has them. */
  readonly checks: Readonly<Record<string, string>>
}

export interface Overview {
  readonly version: string
  /** When it was made, since the Unix epoch. */
  readonly atMs: number
  /** When the gateway started, since the Unix epoch; of several, the oldest. */
  readonly startedMs: number
  /** As `/readyz` says. */
  readonly ready: boolean
  readonly source: OverviewSource
  readonly clients: OverviewClients
  readonly totals: OverviewTotals
  /** From the arrival of a message of the feed to the write to a socket, from the start. */
  readonly latency: HistogramView
  /** From the time that a tick bears to its arrival, from the start: of one tick, ten times a second. */
  readonly feedLatency: HistogramView
  readonly lanes: readonly OverviewLane[]
  /** Those with the longest lag first, at most `SLOWEST_MAX`. */
  readonly slowest: readonly ClientRow[]
  readonly symbols: SymbolSample
  /** The newest last, at most `EVENTS_MAX`. */
  readonly events: readonly OverviewEvent[]
  readonly processes: readonly OverviewProcess[]
}

export const SLOWEST_MAX = 15
export const BUSIEST_MAX = 15
export const EVENTS_MAX = 50
