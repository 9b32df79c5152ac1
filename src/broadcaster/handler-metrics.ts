/**
 * The counters and histograms of one handler, and the view of them. Main thread.
 * The main thread writes the main block and the histograms. Each lane writes the block of its own.
 */
import { CounterWriter, counterBlockBytes } from '../memory/counters.js'
import { Histogram, SizeHistogram } from '../metrics/histogram.js'
import { LANE_SLOT_COUNT, MAIN_SLOT_COUNT } from '../metrics/metric-table.js'
import {
  type LaneView,
  laneCounters,
  type MetricsView,
  mainCounters,
  utilisation,
} from '../metrics/metrics-view.js'

/** What the handler knows besides its counters. */
export interface HandlerState
  extends Pick<MetricsView, 'lag' | 'clientsMax' | 'offset' | 'epoch' | 'isUpstreamPaused'> {
  /** Of each lane. */
  readonly lanes: readonly Omit<LaneView, 'lane' | 'utilisation' | 'counters'>[]
}

export class HandlerMetrics {
  readonly counters: CounterWriter
  /** The counter block of each lane. */
  readonly laneBlocks: readonly SharedArrayBuffer[]
  readonly latency = new Histogram()
  /** From the time of a tick to its arrival. */
  readonly feedLatency = new Histogram()
  readonly writeSizes = new SizeHistogram()
  /** From the arrival of a command to its reply. */
  readonly replyLatency = new Histogram()
  private readonly mainBlock = counterBlock(MAIN_SLOT_COUNT)

  constructor(laneCount: number) {
    this.counters = new CounterWriter(new BigInt64Array(this.mainBlock))
    this.laneBlocks = Array.from({ length: laneCount }, () => counterBlock(LANE_SLOT_COUNT))
  }

  view(state: HandlerState): MetricsView {
    this.counters.flush()
    return {
      counters: mainCounters(new BigInt64Array(this.mainBlock)),
      lanes: state.lanes.map((known, lane) => {
        const counters = laneCounters(new BigInt64Array(this.laneBlocks[lane]!))
        return { lane, ...known, utilisation: utilisation(counters), counters }
      }),
      latency: this.latency.view(),
      feedLatency: this.feedLatency.view(),
      answerLatency: this.replyLatency.view(),
      writeSizes: this.writeSizes.view(),
      lag: state.lag,
      clientsMax: state.clientsMax,
      offset: state.offset,
      epoch: state.epoch,
      isUpstreamPaused: state.isUpstreamPaused,
    }
  }
}

function counterBlock(slotCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(counterBlockBytes(slotCount))
}
