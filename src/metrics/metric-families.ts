/**
 * The table of what Prometheus gets of a gateway: each family of metrics is named, described and read here. Any thread.
 * Pure. docs/metrics.md is made from it. Labels have few values: never a client, an address or a symbol.
 */
import type { GatewayMetrics } from './gateway-metrics.js'
import type { HistogramView, SizeHistogramView } from './histogram.js'
import { LAG_STEPS_MS } from './lag-view.js'
import {
  LANE_METRICS,
  type LaneMetric,
  MAIN_METRICS,
  type MainMetric,
  type MetricDescription,
  SERVER_METRICS,
  type ServerMetric,
} from './metric-table.js'
import type { LaneView } from './metrics-view.js'
import type { ProcessView } from './process-watch.js'

export type Labels = Readonly<Record<string, string>>

/** Buckets in base units. A bucket without a bound is the last. */
export interface HistogramValue {
  readonly bounds: readonly (number | null)[]
  readonly counts: readonly number[]
  readonly count: number
  readonly sum: number
}

export interface Sample {
  readonly labels: Labels
  readonly value: number | HistogramValue
}

export interface MetricFamily<Source = GatewayMetrics> {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  /** Besides `process`, which all have. */
  readonly labels: readonly string[]
  readonly read: (source: Source) => readonly Sample[]
}

const gauge = <Source = GatewayMetrics>(
  name: string,
  help: string,
  value: (source: Source) => number | undefined,
): MetricFamily<Source> => ({
  name: `ringcast_${name}`,
  help,
  type: 'gauge',
  labels: [],
  read: source => {
    const now = value(source)
    return now === undefined ? [] : [{ labels: {}, value: now }]
  },
})

const laneGauge = (name: string, help: string, value: (lane: LaneView) => number): MetricFamily => ({
  name: `ringcast_lane_${name}`,
  help,
  type: 'gauge',
  labels: ['lane'],
  read: ({ lanes }) => lanes.map(lane => ({ labels: { lane: String(lane.lane) }, value: value(lane) })),
})

const seconds = <Source = GatewayMetrics>(
  name: string,
  help: string,
  view: (source: Source) => HistogramView,
): MetricFamily<Source> => ({
  name: `ringcast_${name}_seconds`,
  help,
  type: 'histogram',
  labels: [],
  read: source => [{ labels: {}, value: durations(view(source)) }],
})

/** One family for all counters of a name. */
function counted<Key extends string>(
  table: Readonly<Record<Key, MetricDescription>>,
  labels: readonly string[],
  samplesOf: (gateway: GatewayMetrics, key: Key) => readonly { labels: Labels; value: number }[],
): MetricFamily[] {
  const keys = Object.keys(table) as Key[]
  const names = [...new Set(keys.map(key => table[key].name))]
  return names.map(name => {
    const ofName = keys.filter(key => table[key].name === name)
    const { help, labels: firstLabels = {}, type } = table[ofName[0]!]
    const own = Object.keys(firstLabels)
    return {
      name,
      type,
      help: own.length === 0 ? help : SHARED_HELP[name]!,
      labels: [...labels, ...own],
      read: gateway =>
        ofName.flatMap(key => {
          const { labels: more = {}, scale = 1 } = table[key]
          return samplesOf(gateway, key).map(sample => ({
            labels: { ...sample.labels, ...more },
            value: sample.value * scale,
          }))
        }),
    }
  })
}

/** Of the families whose counters have labels of their own. docs/metrics.md lists them. */
const SHARED_HELP: Readonly<Record<string, string>> = {
  ringcast_connections_refused_total: 'Requests to connect that were refused.',
  ringcast_connections_dropped_total: 'Connections that were ended before they became clients.',
  ringcast_disconnects_total: 'Clients that have ended.',
  ringcast_closes_total: 'Clients that have ended, by the code of the close handshake; 1006: there was none.',
  ringcast_entries: 'Entries of all clients now, by what an entry names and what it gets.',
  ringcast_gaps_total: 'Gaps that clients were told because they were slow.',
  ringcast_ticks_dropped_total: 'Ticks in these gaps.',
}

/** Of every process that has an admin server. */
export const PROCESS_FAMILIES: readonly MetricFamily<{ readonly runtime: ProcessView }>[] = [
  seconds(
    'event_loop_delay',
    'How late a timer of the main thread was, 50 times a second.',
    ({ runtime }) => runtime.eventLoopDelay,
  ),
  {
    name: 'ringcast_gc_duration_seconds',
    help: 'Pauses of the main thread for garbage, by kind: minor, major, incremental, weakcb.',
    type: 'histogram',
    labels: ['kind'],
    read: ({ runtime }) =>
      Object.entries(runtime.gc).map(([kind, view]) => ({ labels: { kind }, value: durations(view) })),
  },
  {
    name: 'ringcast_process_cpu_seconds_total',
    help: 'Processor time of all threads, by mode: user, system.',
    type: 'counter',
    labels: ['mode'],
    read: ({ runtime: { cpuSystemUs, cpuUserUs } }) => [
      { labels: { mode: 'user' }, value: cpuUserUs / 1e6 },
      { labels: { mode: 'system' }, value: cpuSystemUs / 1e6 },
    ],
  },
  gauge(
    'process_start_time_seconds',
    'When the process started, since the Unix epoch.',
    ({ runtime }) => runtime.startS,
  ),
  gauge(
    'process_resident_memory_bytes',
    'Memory of the process that is in RAM.',
    ({ runtime }) => runtime.residentBytes,
  ),
  gauge(
    'process_max_fds',
    'Files that the process may open.',
    ({ runtime }) => runtime.filesMax ?? undefined,
  ),
  gauge('heap_used_bytes', 'Objects in the heap of the main thread.', ({ runtime }) => runtime.heapUsedBytes),
  gauge('heap_size_bytes', 'The heap of the main thread.', ({ runtime }) => runtime.heapTotalBytes),
  gauge(
    'external_memory_bytes',
    'Memory of objects of the main thread outside its heap.',
    ({ runtime }) => runtime.externalBytes,
  ),
]

export const METRIC_FAMILIES: readonly MetricFamily[] = [
  ...counted<MainMetric | ServerMetric>(
    { ...MAIN_METRICS, ...SERVER_METRICS },
    [],
    ({ counters, server }, key) => [
      { labels: {}, value: key in server ? server[key as ServerMetric] : counters[key as MainMetric] },
    ],
  ),
  gauge('clients_max', 'Most clients at a time.', ({ clientsMax }) => clientsMax),
  gauge('clients_blocked', 'Clients whose sockets have not taken the last write.', ({ lag }) => lag.blocked),
  gauge(
    'client_lag_max_seconds',
    'Age of the oldest tick that a client was not given.',
    ({ lag }) => lag.maxMs / 1000,
  ),
  {
    name: 'ringcast_clients_lagging',
    help: 'Clients with a lag above so many seconds.',
    type: 'gauge',
    labels: ['above'],
    read: ({ lag }) =>
      LAG_STEPS_MS.map((step, index) => ({
        labels: { above: String(step / 1000) },
        value: lag.above[index]!,
      })),
  },
  {
    name: 'ringcast_clients_subscribed',
    help: 'Clients by what they get: every tick, or the latest ones. One that gets both is "every".',
    type: 'gauge',
    labels: ['delivery'],
    read: ({ lanes }) =>
      (['every', 'latest'] as const).map(delivery => ({
        labels: { delivery },
        value: lanes.reduce((sum, { clients }) => sum + clients[delivery], 0),
      })),
  },
  gauge('stream_offset', 'Offset of the newest tick.', ({ offset }) => offset),
  gauge('upstream_paused', 'Whether the feed is paused: 1 or 0.', ({ isUpstreamPaused }) =>
    Number(isUpstreamPaused),
  ),
  seconds(
    'latency',
    'From the arrival of a message of the feed to the write to a socket.',
    ({ latency }) => latency,
  ),
  seconds(
    'feed_latency',
    'From the time that a tick bears to its arrival at the gateway: of one tick, ten times a second.',
    ({ feedLatency }) => feedLatency,
  ),
  seconds(
    'reply_latency',
    'From the arrival of a client, or of its command, to the reply.',
    ({ answerLatency }) => answerLatency,
  ),
  {
    name: 'ringcast_write_size_bytes',
    help: 'Bytes of one write to a socket.',
    type: 'histogram',
    labels: [],
    read: ({ writeSizes }) => [{ labels: {}, value: sizes(writeSizes) }],
  },
  ...counted<LaneMetric>(LANE_METRICS, ['lane'], ({ lanes }, key) =>
    lanes.map(({ counters, lane }) => ({ labels: { lane: String(lane) }, value: counters[key] })),
  ),
  laneGauge('queue_ticks', 'Ticks that the lane has not finished.', ({ queueDepth }) => queueDepth),
  laneGauge(
    'queue_max_ticks',
    'Ticks that the lane may be behind before the feed is paused.',
    ({ queueCapacity }) => queueCapacity,
  ),
  laneGauge('up', 'Whether the lane runs: 1 or 0.', ({ isRunning }) => Number(isRunning)),
  laneGauge(
    'ring_used_bytes',
    'Bytes of segments of the frame ring that sockets hold, so that the lane cannot write there.',
    ({ frameRing }) => frameRing.usedBytes,
  ),
  laneGauge('ring_bytes', 'Bytes of the frame ring.', ({ frameRing }) => frameRing.bytes),
  laneGauge('audiences', 'Groups of clients that get identical bytes.', ({ audiences }) => audiences),
  ...PROCESS_FAMILIES,
]

function durations({ boundsUs, count, counts, sumUs }: HistogramView): HistogramValue {
  return { bounds: boundsUs.map(bound => bound && bound / 1e6), counts, count, sum: sumUs / 1e6 }
}

function sizes({ boundsBytes, count, counts, sumBytes }: SizeHistogramView): HistogramValue {
  return { bounds: boundsBytes, counts, count, sum: sumBytes }
}
