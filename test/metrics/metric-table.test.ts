import { describe, expect, it } from 'vitest'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import {
  closeMetric,
  LANE_METRICS,
  LANE_SLOT_COUNT,
  LANE_SLOTS,
  MAIN_METRICS,
  MAIN_SLOT_COUNT,
  MAIN_SLOTS,
  type MetricDescription,
  SERVER_METRICS,
} from '../../src/metrics/metric-table.js'
import { laneCounters, mainCounters, utilisation } from '../../src/metrics/metrics-view.js'
import { CLOSE_CODES } from '../../src/protocol/close-codes.js'

const METRICS: MetricDescription[] = [MAIN_METRICS, SERVER_METRICS, LANE_METRICS].flatMap(table =>
  Object.values(table),
)

describe('the table of metrics', () => {
  it('gives each counter a name of its own, or labels of its own within a name', () => {
    const names = METRICS.map(({ labels, name }) => `${name}${JSON.stringify(labels ?? {})}`)
    expect(new Set(names).size).toBe(names.length)
  })

  it('gives counters of one name the same unit, type and names of labels', () => {
    for (const { labels, name, type, unit } of METRICS) {
      for (const other of METRICS.filter(metric => metric.name === name))
        expect([other.type, other.unit, Object.keys(other.labels ?? {})]).toEqual([
          type,
          unit,
          Object.keys(labels ?? {}),
        ])
    }
  })

  it('has a counter for each close code of a client, and one for all others', () => {
    // These end connections that have not become clients.
    const early: readonly number[] = [CLOSE_CODES.unauthenticated.code, CLOSE_CODES.tryAgainLater.code]
    for (const { code } of Object.values(CLOSE_CODES))
      expect([code, closeMetric(code)]).toEqual([
        code,
        early.includes(code) ? 'closedOther' : `closed${code}`,
      ])
    expect(closeMetric(3456)).toBe('closedOther')
    for (const code of [1000, 1005, 1006]) expect(closeMetric(code)).toBe(`closed${code}`)
  })

  it('uses names that Prometheus accepts, and _total for counters', () => {
    for (const { name, type } of METRICS) {
      expect(name).toMatch(/^ringcast_[a-z][a-z_]*[a-z]$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
    }
  })

  it('names the unit of a time in the name', () => {
    for (const { name, unit } of METRICS) expect(/_seconds_total$/.test(name)).toBe(unit === 'µs')
  })

  it('explains every metric in a sentence', () => {
    for (const { help, unit } of METRICS) {
      expect(help).toMatch(/^[A-Z].*\.$/)
      expect(unit).not.toBe('')
    }
  })

  it('has one slot for each counter', () => {
    expect(Object.values(MAIN_SLOTS).sort((a, b) => a - b)).toEqual([...Array(MAIN_SLOT_COUNT).keys()])
    expect(Object.values(LANE_SLOTS).sort((a, b) => a - b)).toEqual([...Array(LANE_SLOT_COUNT).keys()])
  })
})

describe('the view of the counters', () => {
  it('shows each counter under its name', () => {
    const main = new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT)))
    const writer = new CounterWriter(main)
    for (let slot = 0; slot < MAIN_SLOT_COUNT; slot++) writer.values[slot] = 2 ** 40 + slot
    writer.flush()
    const view = mainCounters(main)
    expect(Object.keys(view)).toEqual(Object.keys(MAIN_METRICS))
    for (const [name, value] of Object.entries(view))
      expect(value).toBe(2 ** 40 + MAIN_SLOTS[name as keyof typeof MAIN_SLOTS])
  })

  it('shows the share of its life in which a lane has worked', () => {
    const lane = new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(LANE_SLOT_COUNT)))
    expect(utilisation(laneCounters(lane))).toBe(0)
    lane[LANE_SLOTS.busyUs] = 30n
    lane[LANE_SLOTS.idleUs] = 90n
    expect(utilisation(laneCounters(lane))).toBe(0.25)
  })
})
