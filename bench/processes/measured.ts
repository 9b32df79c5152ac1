/**
 * What one run gave, and several together.
 */
import { median } from '../benchmark.js'

export interface Measured {
  /** Ticks a second that the feed made. */
  readonly offeredPerSecond: number
  /** Ticks a second over all clients. */
  readonly deliveredPerSecond: number
  readonly bytesPerSecond: number
  readonly framesPerSecond: number
  /** Of the server with all its threads, for each tick delivered. */
  readonly cpuUsPerTick: number
  /** Of its main thread, for each tick that the feed made. */
  readonly mainThreadUsPerTickIn: number
  /** Of its other threads, for each tick delivered. */
  readonly otherThreadsUsPerTick: number
  /** From the feed's stamp to a witness. */
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  /** From arrival at the gateway to the write, since its start; 0 when the server has no such metric. */
  readonly gatewayP99Us: number
  /** From a command's arrival at the gateway to its reply, likewise. */
  readonly gatewayAnswerP50Us: number
  readonly gatewayAnswerP99Us: number
  /** The most that was seen. */
  readonly serverRssBytes: number
  /** Cores' worth of time, over the measured time. */
  readonly serverCores: number
  readonly loadCores: number
  readonly feedCores: number
  /** Share of the measured time that the load process ran or waited for a core. */
  readonly loadBusy: number
  /** Cores' worth of all that the machine did besides. */
  readonly otherCores: number
  /** Ticks that did not reach a client, in the mean of the witnesses, since they connected. */
  readonly lostPerClient: number
  /** … and without a gap message. */
  readonly silentPerClient: number
  readonly closed: number
  readonly errorCount: number
  readonly remarks: readonly string[]
}

export type Figure = Exclude<keyof Measured, 'remarks'>

export function middle(runs: readonly Measured[], key: Figure): number {
  return median(runs.map(run => run[key]))
}

/** The load process has one thread; where that is busy, the figures are its own. */
const LOAD_CORES_BUSY = 0.9
/** It did not use a core, but it could have: others had it. */
const LOAD_BUSY = 0.97
/** Cores that were busy with something else, from which on latencies are not the server's alone. */
export const OTHER_CORES_MAX = 0.1

/** What has to be known of some runs: errors, losses, lost clients, and a load process that was the limit. */
export function remarks(name: string, runs: readonly Measured[]): string[] {
  const lines: string[] = []
  const sum = (key: 'errorCount' | 'closed'): number => runs.reduce((total, run) => total + run[key], 0)
  if (runs.some(({ loadCores }) => loadCores > LOAD_CORES_BUSY))
    lines.push(`${name}: the load process was the limit.`)
  else if (runs.some(({ loadBusy }) => loadBusy > LOAD_BUSY))
    lines.push(`${name}: the load process was the limit, since it did not get a core whenever it wanted one.`)
  const otherCores = Math.max(...runs.map(run => run.otherCores))
  if (otherCores > OTHER_CORES_MAX)
    lines.push(`${name}: the machine did other work meanwhile, up to ${otherCores.toFixed(1)} cores of it.`)
  if (sum('errorCount') > 0) lines.push(`${name}: ${sum('errorCount')} errors of order.`)
  if (sum('closed') > 0) lines.push(`${name}: ${sum('closed')} clients were closed.`)
  const texts = new Set(runs.flatMap(run => run.remarks))
  return [...lines, ...[...texts].map(text => `${name}: ${text}`)]
}
