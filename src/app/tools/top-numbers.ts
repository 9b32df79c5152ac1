/**
 * What a gateway did between two looks at it. Any thread. Pure.
 */
import type { ClientRow } from '../../metrics/client-view.js'
import { quantileUs } from '../../metrics/histogram.js'
import type { LaneView } from '../../metrics/metrics-view.js'
import type { GatewayLook, Look } from './admin-reader.js'

export interface LaneNumbers {
  readonly process: number
  readonly lane: number
  /** Share of the interval in which the lane has worked, 0 to 1. */
  readonly utilisation: number
  /** Ticks that the lane has not finished. */
  readonly queueTicks: number
  readonly queueMaxTicks: number
  readonly audiences: number
}

export interface Quantiles {
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
}

export interface TopNumbers {
  /** ms since the Unix epoch. */
  readonly timeMs: number
  readonly intervalMs: number
  readonly ready: boolean
  readonly checks: Readonly<Record<string, string>>
  readonly clients: number
  readonly clientsMax: number
  readonly ticksInPerS: number
  /** Counted for each client. */
  readonly ticksOutPerS: number
  readonly messagesOutPerS: number
  readonly bytesOutPerS: number
  /** Ticks out for each tick in; 0 without ticks. */
  readonly amplification: number
  /** From the arrival at the gateway to the write to a socket, in the interval. 0: nothing was written. */
  readonly latency: Quantiles
  /** From the time that a tick bears to its arrival, of ten ticks a second in the interval. 0: none bore a time. */
  readonly feedLatency: Quantiles
  /** Clients whose sockets have not taken the last write, and the longest lag. */
  readonly blockedClients: number
  readonly maxLagMs: number
  /** In the interval. */
  readonly refused: number
  readonly disconnected: number
  readonly gaps: number
  readonly upstreamGaps: number
  readonly lanes: readonly LaneNumbers[]
  readonly slowest: readonly ClientRow[]
}

export interface TimedLook {
  readonly look: Look
  /** Monotonic. */
  readonly atMs: number
}

/** @param timeMs when `now` was taken, ms since the Unix epoch */
export function topNumbers(before: TimedLook, now: TimedLook, timeMs: number): TopNumbers {
  const intervalMs = now.atMs - before.atMs
  const { checks, clients: slowest, counters, gateways, ready } = now.look
  const old = before.look
  // A counter that has fallen belongs to a process that was started again.
  const risen = (value: number, last: number) => Math.max(0, value - last)
  const ofCounter = (key: keyof typeof counters) => risen(counters[key], old.counters[key])
  const perS = (key: keyof typeof counters) => (ofCounter(key) * 1000) / intervalMs
  const sumOf = (prefix: string) =>
    (Object.keys(counters) as (keyof typeof counters)[])
      .filter(key => key.startsWith(prefix))
      .reduce((sum, key) => sum + ofCounter(key), 0)
  const quantilesOf = (key: 'latency' | 'feedLatency'): Quantiles => {
    const counts = now.look[key].counts.map((count, bucket) => risen(count, old[key].counts[bucket]!))
    return {
      p50Us: quantileUs(counts, 0.5),
      p99Us: quantileUs(counts, 0.99),
      p999Us: quantileUs(counts, 0.999),
    }
  }
  const [ticksIn, ticksOut] = [ofCounter('ticksReceived'), ofCounter('ticksBroadcast')]
  return {
    timeMs,
    intervalMs,
    ready,
    checks,
    clients: counters.connectionsActive,
    clientsMax: gateways.reduce((sum, { clientsMax }) => sum + clientsMax, 0),
    ticksInPerS: perS('ticksReceived'),
    ticksOutPerS: perS('ticksBroadcast'),
    messagesOutPerS: perS('messages'),
    bytesOutPerS: perS('bytesSent'),
    amplification: ticksIn === 0 ? 0 : ticksOut / ticksIn,
    latency: quantilesOf('latency'),
    feedLatency: quantilesOf('feedLatency'),
    blockedClients: gateways.reduce((sum, { lag }) => sum + lag.blocked, 0),
    maxLagMs: Math.max(0, ...gateways.map(({ lag }) => lag.maxMs)),
    refused: sumOf('refused'),
    disconnected: sumOf('disconnect'),
    gaps: ofCounter('lapped'),
    upstreamGaps: ofCounter('upstreamGaps'),
    lanes: gateways.flatMap(gateway => lanesOf(gateway, old.gateways)),
    slowest,
  }
}

function lanesOf({ lanes, process }: GatewayLook, before: readonly GatewayLook[]): LaneNumbers[] {
  const old = before.find(gateway => gateway.process === process)?.lanes ?? []
  return lanes.map(lane => ({
    process,
    lane: lane.lane,
    utilisation: utilisationSince(
      lane,
      old.find(each => each.lane === lane.lane),
    ),
    queueTicks: lane.queueDepth,
    queueMaxTicks: lane.queueCapacity,
    audiences: lane.audiences,
  }))
}

function utilisationSince({ counters }: LaneView, before: LaneView | undefined): number {
  const busy = counters.busyUs - (before?.counters.busyUs ?? 0)
  const idle = counters.idleUs - (before?.counters.idleUs ?? 0)
  return busy <= 0 || busy + idle <= 0 ? 0 : Math.min(1, busy / (busy + idle))
}
