/** The latency of the last minutes as lines, and of the last minute as a histogram. */
import uPlot from 'uplot'
import { LATENCY_BOUNDS_US, quantileUs } from '../../../../src/metrics/histogram.js'
import { setText } from '../shared/element.js'
import { duration } from '../shared/format.js'
import type { Rates } from './rates.js'

const QUANTILES = [
  { name: 'p50', quantile: 0.5, colour: '--p50' },
  { name: 'p99', quantile: 0.99, colour: '--p99' },
  { name: 'p99.9', quantile: 0.999, colour: '--p999' },
] as const
/** Five minutes. */
const POINTS_MAX = 300
/** Seconds of the histogram. */
const WINDOW = 60
const HEIGHT = 220

export interface ChartTargets {
  readonly lines: HTMLElement
  readonly histogram: HTMLElement
  /** Texts that say the same. */
  readonly linesText: HTMLElement
  readonly feedText: HTMLElement
  readonly histogramText: HTMLElement
}

export class LatencyCharts {
  private readonly targets: ChartTargets
  private lines: uPlot | undefined
  private histogram: uPlot | undefined
  private readonly times: number[] = []
  private readonly quantiles: (number | null)[][] = QUANTILES.map(() => [])
  /** The writes in each bucket, of each of the last seconds. */
  private readonly recent: (readonly number[])[] = []
  /** The same of ticks on their way from the feed. */
  private readonly recentFeed: (readonly number[])[] = []

  constructor(targets: ChartTargets) {
    this.targets = targets
    this.draw()
    new ResizeObserver(() => this.resize()).observe(targets.lines)
  }

  /** @param rates since the last call */
  add(atMs: number, { feedLatency, latency: counts }: Pick<Rates, 'feedLatency' | 'latency'>): void {
    const isEmpty = counts.every(value => value === 0)
    this.times.push(atMs / 1000)
    const now = QUANTILES.map(({ quantile }) => (isEmpty ? null : quantileUs(counts, quantile) / 1000))
    now.forEach((value, index) => {
      this.quantiles[index]!.push(value)
    })
    if (this.times.length > POINTS_MAX) for (const series of [this.times, ...this.quantiles]) series.shift()
    addRecent(this.recent, counts)
    addRecent(this.recentFeed, feedLatency)
    this.showFeed()
    setText(
      this.targets.linesText,
      isEmpty
        ? 'Nothing was written in the last second.'
        : `Last second: ${QUANTILES.map(({ name }, index) => `${name} ${duration(now[index]!)}`).join(', ')}. Lines: the last five minutes of this page.`,
    )
    this.showData()
  }

  /** With the colours of now. */
  draw(): void {
    const { histogram, lines } = this.targets
    this.lines?.destroy()
    this.histogram?.destroy()
    this.lines = new uPlot(this.lineOptions(), this.lineData, lines)
    this.histogram = new uPlot(this.histogramOptions(), this.histogramData, histogram)
  }

  private showFeed(): void {
    const buckets = sumOf(this.recentFeed)
    const [p50, p99] = [0.5, 0.99].map(quantile => duration(quantileUs(buckets, quantile) / 1000))
    setText(
      this.targets.feedText,
      buckets.every(value => value === 0)
        ? 'From the feed to the gateway: no tick of the last minute bore its time.'
        : `From the feed to the gateway, by the time that ticks bear: p50 ${p50}, p99 ${p99} in the last minute.`,
    )
  }

  private showData(): void {
    this.lines?.setData(this.lineData)
    const data = this.histogramData
    this.histogram?.setData(data)
    const shares = data[1] as number[]
    const most = shares.indexOf(Math.max(...shares))
    setText(
      this.targets.histogramText,
      shares[most] === 0
        ? 'Nothing was written in the last minute.'
        : `Last minute, share of writes by latency: most took up to ${boundText(most)} (${shares[most]!.toFixed(0)} %).`,
    )
  }

  private get lineData(): uPlot.AlignedData {
    return [this.times, ...this.quantiles] as uPlot.AlignedData
  }

  private get histogramData(): uPlot.AlignedData {
    const buckets = sumOf(this.recent)
    const total = buckets.reduce((sum, value) => sum + value, 0)
    return [buckets.map((_, index) => index), buckets.map(value => (total === 0 ? 0 : (100 * value) / total))]
  }

  private resize(): void {
    this.lines?.setSize({ width: this.targets.lines.clientWidth, height: HEIGHT })
    this.histogram?.setSize({ width: this.targets.histogram.clientWidth, height: HEIGHT })
  }

  private lineOptions(): uPlot.Options {
    return {
      width: this.targets.lines.clientWidth || 500,
      height: HEIGHT,
      cursor: { y: false },
      scales: { y: { distr: 3 } },
      axes: [
        axis(),
        { ...axis(), size: 64, values: (_, ticks) => ticks.map(ms => (ms === null ? '' : duration(ms))) },
      ],
      series: [
        {},
        ...QUANTILES.map(({ colour: name, name: label }) => ({
          label,
          stroke: colour(name),
          width: 1.5,
          value: (_: uPlot, ms: number | null) => (ms === null ? '–' : duration(ms)),
        })),
      ],
    }
  }

  private histogramOptions(): uPlot.Options {
    return {
      width: this.targets.histogram.clientWidth || 500,
      height: HEIGHT,
      cursor: { y: false },
      scales: { x: { time: false }, y: { range: (_, _min, max) => [0, Math.max(10, max)] } },
      axes: [
        {
          ...axis(),
          values: (_, ticks) => ticks.map(tick => (Number.isInteger(tick) ? boundText(tick) : '')),
        },
        { ...axis(), values: (_, ticks) => ticks.map(share => `${share} %`) },
      ],
      series: [
        { label: 'up to', value: (_, bucket) => (bucket === null ? '–' : boundText(bucket)) },
        {
          label: 'writes',
          stroke: colour('--p50'),
          fill: colour('--p50'),
          ...(uPlot.paths.bars === undefined ? {} : { paths: uPlot.paths.bars({ size: [0.8] }) }),
          points: { show: false },
          value: (_, share) => (share === null ? '–' : `${share.toFixed(1)} %`),
        },
      ],
    }
  }
}

function addRecent(recent: (readonly number[])[], counts: readonly number[]): void {
  recent.push(counts)
  if (recent.length > WINDOW) recent.shift()
}

/** Of each bucket. */
function sumOf(recent: readonly (readonly number[])[]): number[] {
  return Array.from({ length: LATENCY_BOUNDS_US.length + 1 }, (_, bucket) =>
    recent.reduce((sum, counts) => sum + (counts[bucket] ?? 0), 0),
  )
}

function boundText(bucket: number): string {
  const bound = LATENCY_BOUNDS_US[bucket]
  return bound === undefined ? 'more' : duration(bound / 1000)
}

function axis(): uPlot.Axis {
  return {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
  }
}

/** A canvas knows no `light-dark()`: the browser computes the colour of an element. */
function colour(name: string): string {
  const probe = document.createElement('i')
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
