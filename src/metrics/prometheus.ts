/**
 * Writes the metrics of gateways in the text format of Prometheus. Main thread. The one place that knows the library.
 * The values are read when Prometheus asks, so nothing is counted twice and nothing is done per tick.
 */
import { type Metric, Registry } from 'prom-client'
import type { MetricFamily, Sample } from './metric-families.js'

/** @param families each with its samples */
export async function prometheusText(
  families: readonly { readonly family: Omit<MetricFamily, 'read'>; readonly samples: readonly Sample[] }[],
): Promise<string> {
  const registry = new Registry()
  for (const { family, samples } of families) {
    const { help, name, type } = family
    const values = samples.flatMap(sample => linesOf(name, sample))
    // The library's own metrics are counted by calls. It writes out any object that has this method.
    const metric = { name, help, type, aggregator: 'sum', get: async () => ({ name, help, type, values }) }
    if (values.length > 0) registry.registerMetric(metric as unknown as Metric)
  }
  return registry.metrics()
}

function linesOf(name: string, { labels, value }: Sample): object[] {
  if (typeof value === 'number') return [{ labels, value }]
  const { bounds, counts, count, sum } = value
  let total = 0
  const buckets = counts.map((inBucket, index) => {
    total += inBucket
    return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[index] ?? '+Inf' }, value: total }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
