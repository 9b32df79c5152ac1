/**
 * What a gateway measured itself, between two readings of its metrics.
 */
import { type HistogramView, quantileUs } from '../../src/metrics/histogram.js'
import type { Measured } from './measured.js'

/** The metrics of a gateway that are read here. */
export interface GatewayMetrics {
  readonly latency: Pick<HistogramView, 'counts'>
  readonly answerLatency: Pick<HistogramView, 'counts'>
  readonly lanes: readonly {
    readonly audiences: number
    readonly counters: { readonly framesBytes: number }
  }[]
}

/** Of another server. */
export const NO_METRICS: GatewayMetrics = {
  latency: { counts: [] },
  answerLatency: { counts: [] },
  lanes: [],
}

/** The differences between two measurements. @param ticks that the feed made between them */
export function gatewayFigures(before: GatewayMetrics, after: GatewayMetrics, ticks: number): GatewayFigures {
  const since = (name: 'latency' | 'answerLatency'): number[] =>
    after[name].counts.map((count, bucket) => count - before[name].counts[bucket]!)
  return {
    gatewayP99Us: quantileUs(since('latency'), 0.99),
    gatewayAnswerP50Us: quantileUs(since('answerLatency'), 0.5),
    gatewayAnswerP99Us: quantileUs(since('answerLatency'), 0.99),
    audiences: after.lanes.reduce((sum, { audiences }) => sum + audiences, 0),
    frameBytesPerTickIn: (frameBytes(after) - frameBytes(before)) / ticks,
  }
}

function frameBytes({ lanes }: GatewayMetrics): number {
  return lanes.reduce((sum, { counters }) => sum + counters.framesBytes, 0)
}

export type GatewayFigures = Pick<
  Measured,
  'gatewayP99Us' | 'gatewayAnswerP50Us' | 'gatewayAnswerP99Us' | 'audiences' | 'frameBytesPerTickIn'
>
