import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { STATE_FAMILIES } from '../../src/app/prometheus-page.js'
import { METRIC_FAMILIES } from '../../src/metrics/metric-families.js'
import { noPrometheus, Prometheus, promtool } from '../support/prometheus.js'
import { Ringcast } from '../support/ringcast-process.js'

const DEPLOY = new URL('../../../deploy/', import.meta.url)
const FAMILIES = new Map([...STATE_FAMILIES, ...METRIC_FAMILIES].map(family => [family.name, family]))

function text(path: string): string {
  return readFileSync(new URL(path, DEPLOY), 'utf8')
}

/** The names of metrics in PromQL, without what a histogram adds. */
function namesIn(promql: string): string[] {
  const names = [...promql.matchAll(/\bringcast_[a-z_]+\b/g)].map(([name]) => name)
  return names.map(name => (FAMILIES.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '')))
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly datasource?: { readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[]
}

const dashboard = JSON.parse(text('grafana/dashboards/ringcast.json')) as {
  readonly uid: string
  readonly panels: readonly Panel[]
}

describe('the dashboard for Grafana', () => {
  it('asks for metrics that there are', () => {
    const names = namesIn(JSON.stringify(dashboard))
    expect(names.length).toBeGreaterThan(20)
    for (const name of names) expect(FAMILIES.has(name), name).toBe(true)
  })

  it('reads the data source that is provisioned', () => {
    const [, uid] = /uid: (\S+)/.exec(text('grafana/provisioning/datasources/prometheus.yml'))!
    for (const { datasource, title, type } of dashboard.panels)
      if (type !== 'row') expect([title, datasource?.uid]).toEqual([title, uid])
  })

  it('has panels with ids of their own that do not cover one another', () => {
    const { panels } = dashboard
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
  })
})

describe('the alerts', () => {
  const rules = text('prometheus/ringcast.rules.yml')
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!)

  it('ask for metrics that there are', () => {
    for (const name of namesIn(rules)) expect(FAMILIES.has(name), name).toBe(true)
  })

  it('say what to do and why the threshold is so, and have a test each', () => {
    const tests = text('prometheus/ringcast.rules.test.yml')
    for (const alert of alerts) expect(tests).toContain(alert)
    for (const annotation of ['summary', 'action', 'reason'])
      expect(rules.match(new RegExp(`^ {10}${annotation}: `, 'gm'))).toHaveLength(alerts.length)
  })

  it.skipIf(noPrometheus !== undefined)('fire when they should, and not before', () => {
    const path = new URL('prometheus/ringcast.rules.test.yml', DEPLOY).pathname
    expect(promtool(['test', 'rules', path])).toMatchObject({ code: 0 })
  })
})

describe.skipIf(noPrometheus !== undefined)('the configuration of Prometheus', () => {
  it('is right', () => {
    const path = new URL('prometheus/prometheus.yml', DEPLOY).pathname
    // The file of the token is where the containers have it.
    expect(promtool(['check', 'config', '--syntax-only', path])).toMatchObject({ code: 0 })
  })

  it('reads a gateway whose admin port asks for a token', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringcast-token-'))
    const token = join(folder, 'admin-token')
    writeFileSync(token, 'a-token-of-sixteen-characters\n')
    const ringcast = new Ringcast([`--admin-token-file=${token}`])
    const prometheus = new Prometheus()
    try {
      const { host } = new URL((await ringcast.streaming()).adminUrl)
      const config = text('prometheus/prometheus.yml')
        .replace(/(gateway|relay):9090/g, host)
        .replaceAll('/run/secrets/admin-token', token)
      await prometheus.start(config, { 'ringcast.rules.yml': text('prometheus/ringcast.rules.yml') })
      expect(await prometheus.results('up{job="ringcast"} == 1')).toHaveLength(1)
      expect(await prometheus.results('ringcast_ready == 1')).not.toHaveLength(0)
    } finally {
      await prometheus.stop()
      await ringcast.kill('SIGKILL')
      rmSync(folder, { recursive: true })
    }
  })
})
