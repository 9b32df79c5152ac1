/**
 * The results of one run, and of several runs together.
 */
import { median } from '../benchmark.js'

export interface Measured {
  /** Ticks per second that the feed made. */
  readonly offeredPerSecond: number
  /** Ticks per second that all clients received together. */
  readonly deliveredPerSecond: number
  readonly bytesPerSecond: number
  readonly framesPerSecond: number
  /** CPU time of all threads of the server, for each tick delivered. */
  readonly cpuUsPerTick: number
  /** CPU time of the server's main thread, for each tick that the feed made. */
  readonly mainThreadUsPerTickIn: number
  /** CPU time of the server's other threads, for each tick delivered. */
  readonly otherThreadsUsPerTick: number
  /** Latency from the feed's stamp to a witness. */
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
  /** Latency from arrival at the gateway to the write, since its start; 0: the server has no such metric. */
  readonly gatewayP99Us: number
  /** Latency from a command's arrival at the gateway to its reply, since its start; 0: no such metric. */
  readonly gatewayAnswerP50Us: number
  readonly gatewayAnswerP99Us: number
  /** Groups of clients of a gateway that get identical bytes, of all lanes, at the end; 0: no such metric. */
  readonly audiences: number
  /** Bytes of frames that the lanes of a gateway wrote, once for each audience; 0: no such metric. */
  readonly frameBytesPerTickIn: number
  /** The highest value that was seen. */
  readonly serverRssBytes: number
  /** Cores that each process kept busy in the measured time. */
  readonly serverCores: number
  readonly loadCores: number
  readonly feedCores: number
  /** Share of the measured time in which the load process ran or waited for a core. */
  readonly loadBusy: number
  /** Cores that other processes kept busy. */
  readonly otherCores: number
  /** Ticks that did not reach a client, since it connected: the mean of the witnesses. */
  readonly lostPerClient: number
  /** Such ticks without a gap message. */
  readonly silentPerClient: number
  readonly closed: number
  readonly errorCount: number
  readonly remarks: readonly string[]
}

export type Figure = Exclude<keyof Measured, 'remarks'>

export function middle<Key extends string>(runs: readonly Readonly<Record<Key, number>>[], key: Key): number {
  return median(runs.map(run => run[key]))
}

/** The load process has one thread. Above this share, the figures describe the load process, not the server. */
const LOAD_CORES_BUSY = 0.9
/** Above this share, the load process ran or waited for a core all the time: other processes had the cores. */
const LOAD_BUSY = 0.97
/** When other processes keep more cores busy, latencies are not the server's alone. */
export const OTHER_CORES_MAX = 0.1

/** Notes that readers of the results need: errors, losses, lost clients, and a load process that was the limit. */
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
