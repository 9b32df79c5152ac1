/** What happened between two overviews. Pure. */
import type { Overview, OverviewLane } from '../../../../src/metrics/overview.js'

export interface LaneRates extends OverviewLane {
  /** 0 to 1 of the time between. */
  readonly utilisation: number
  /** Bytes of a turn on average; undefined: there was none. */
  readonly turnBytes: number | undefined
}

/** Per second. */
export interface Rates {
  readonly ticksIn: number
  readonly ticksOut: number
  readonly messagesOut: number
  readonly bytesOut: number
  /** Ticks handed to sockets for each tick of the feed; undefined: no tick came. */
  readonly amplification: number | undefined
  /** Writes in each bucket of the latency. */
  readonly latency: readonly number[]
  /** Ticks in each bucket of the latency from the feed. */
  readonly feedLatency: readonly number[]
  readonly lanes: readonly LaneRates[]
}

export function ratesBetween(before: Overview, now: Overview): Rates {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000)
  // A process that was replaced counts from 0 again.
  const growth = (key: keyof Overview['totals']): number => Math.max(0, now.totals[key] - before.totals[key])
  const ticksIn = growth('ticksIn')
  const ticksOut = growth('ticksOut')
  return {
    ticksIn: ticksIn / seconds,
    ticksOut: ticksOut / seconds,
    messagesOut: growth('messagesOut') / seconds,
    bytesOut: growth('bytesOut') / seconds,
    amplification: ticksIn === 0 ? undefined : ticksOut / ticksIn,
    latency: growthOf(before.latency.counts, now.latency.counts),
    feedLatency: growthOf(before.feedLatency.counts, now.feedLatency.counts),
    lanes: now.lanes.map(lane =>
      laneRates(
        before.lanes.find(each => keyOf(each) === keyOf(lane)),
        lane,
      ),
    ),
  }
}

export function keyOf({ lane, process }: OverviewLane): string {
  return `${process}.${lane}`
}

/** Of counts that only grow. */
export function growthOf(before: readonly number[], now: readonly number[]): number[] {
  return now.map((value, index) => Math.max(0, value - (before[index] ?? 0)))
}

function laneRates(before: OverviewLane | undefined, now: OverviewLane): LaneRates {
  const growth = (key: 'busyUs' | 'idleUs' | 'turns' | 'frameBytes'): number =>
    Math.max(0, now[key] - (before?.[key] ?? 0))
  const busyUs = growth('busyUs')
  const turns = growth('turns')
  return {
    ...now,
    utilisation: busyUs === 0 ? 0 : busyUs / (busyUs + growth('idleUs')),
    turnBytes: turns === 0 ? undefined : growth('frameBytes') / turns,
  }
}
