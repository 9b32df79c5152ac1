import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prometheusPage, STATE_FAMILIES } from '../../src/app/prometheus-page.js'
import { RELAY_FAMILIES, relayPage } from '../../src/app/relay-page.js'
import { systemClock } from '../../src/common/clock.js'
import type { GatewayMetrics } from '../../src/metrics/gateway-metrics.js'
import { METRIC_FAMILIES } from '../../src/metrics/metric-families.js'
import { SERVER_METRICS, type ServerMetric } from '../../src/metrics/metric-table.js'
import { ProcessWatch } from '../../src/metrics/process-watch.js'
import { RelayCounters } from '../../src/relay/relay-counters.js'
import { HandlerServer, quote } from '../support/handler-server.js'
import { noPrometheus, promtool } from '../support/prometheus.js'

const FAMILIES = [...STATE_FAMILIES, ...METRIC_FAMILIES, ...RELAY_FAMILIES]

let server: HandlerServer
let watch: ProcessWatch

beforeAll(async () => {
  server = await HandlerServer.start()
  watch = new ProcessWatch({ clock: systemClock, filesMax: 1024 })
  const client = await server.connect()
  server.handler.broadcastTick(quote('A', 1))
  await client.until(() => client.ticks.length === 1)
})

afterAll(async () => {
  watch.stop()
  await server.stop()
})

function metrics(): GatewayMetrics {
  const zeros = Object.fromEntries(Object.keys(SERVER_METRICS).map(key => [key, 0]))
  return {
    ...server.handler.getMetrics(),
    server: zeros as Record<ServerMetric, number>,
    runtime: watch.view(),
  }
}

function page(processes = 1): Promise<string> {
  const report = { metrics: metrics(), checks: { lanes: 'ok', upstream: 'a "quoted"\nreason' }, ready: true }
  const gateways = Array.from({ length: processes }, (_, index) => ({ process: index + 1, report }))
  return prometheusPage([...gateways, { process: processes + 1, report: undefined }])
}

describe('the metrics for Prometheus', () => {
  it('have a name and a sentence each, and no label that could have many values', () => {
    expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length)
    for (const { help, labels, name } of FAMILIES) {
      expect(name).toMatch(/^ringcast_[a-z_]+$/)
      expect(help, name).toMatch(/^[A-Z].*\.$/)
      for (const label of labels)
        expect([
          'lane',
          'reason',
          'code',
          'check',
          'above',
          'delivery',
          'kind',
          'mode',
          'version',
          'node',
        ]).toContain(label)
    }
  })

  it('have the labels that they say', () => {
    const now = metrics()
    for (const { labels, name, read } of METRIC_FAMILIES) {
      for (const sample of read(now)) expect(Object.keys(sample.labels), name).toEqual(labels)
    }
  })

  it('are one group for each name, with a sample for each process', async () => {
    const text = await page(2)
    const helps = [...text.matchAll(/^# HELP (\S+)/gm)].map(([, name]) => name)
    expect(new Set(helps).size).toBe(helps.length)
    expect(text).toContain('ringcast_ticks_received_total{process="1"} 1\n')
    expect(text).toContain('ringcast_ticks_received_total{process="2"} 1\n')
    expect(text).toMatch(/ringcast_process_up\{process="1"\} 1\n.*"2"\} 1\n.*"3"\} 0\n/)
    expect(text).toContain('ringcast_check{process="1",check="upstream"} 0\n')
    expect(text).not.toContain('quoted')
  })

  it('count buckets up to their bounds, in base units', async () => {
    const text = await page()
    expect(text).toContain('ringcast_latency_seconds_bucket{process="1",le="0.00005"}')
    const counts = [...text.matchAll(/^ringcast_write_size_bytes_bucket\{.*\} (\d+)$/gm)].map(([, n]) =>
      Number(n),
    )
    // The reply to the client, and the tick.
    expect(counts.at(-1)).toBe(2)
    expect(counts).toEqual(counts.toSorted((a, b) => a - b))
    expect(text).toContain('ringcast_write_size_bytes_count{process="1"} 2\n')
  })

  it.skipIf(noPrometheus !== undefined)('satisfy promtool', async () => {
    expect(promtool(['check', 'metrics'], await page(2))).toEqual({ code: 0, output: '' })
    const relay = { checks: {}, ready: true, isActive: false, counters: new RelayCounters() }
    expect(promtool(['check', 'metrics'], await relayPage({ ...relay, runtime: watch.view() }))).toEqual({
      code: 0,
      output: '',
    })
  })
})
