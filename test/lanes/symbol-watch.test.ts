import { beforeEach, expect, it } from 'vitest'
import { silentLog } from '../../src/common/log.js'
import { SymbolWatch } from '../../src/lanes/symbol-watch.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { LANE_SLOT_COUNT, LANE_SLOTS, type LaneMetric } from '../../src/metrics/metric-table.js'
import { FakeClock } from '../support/fake-clock.js'

let clock: FakeClock
let logged: object[]
let watch: SymbolWatch
let count: (metric: LaneMetric) => void

beforeEach(() => {
  clock = new FakeClock()
  logged = []
  const laneBlocks = [0, 1].map(() => new SharedArrayBuffer(counterBlockBytes(LANE_SLOT_COUNT)))
  const writer = new CounterWriter(new BigInt64Array(laneBlocks[1]!))
  count = metric => {
    writer.values[LANE_SLOTS[metric]]! += 1
    writer.flush()
  }
  watch = new SymbolWatch({
    clock,
    log: { ...silentLog, warn: details => void logged.push(details) },
    laneBlocks,
  })
})

it('warns once when ten seconds have brought only messages without a symbol', () => {
  clock.advance(60_000)
  count('messagesWithoutSymbol')
  clock.advance(10_000)
  expect(logged).toEqual([])
  count('messagesWithoutSymbol')
  clock.advance(1_000)
  expect(logged).toEqual([{ messages: 2 }])
  count('messagesWithoutSymbol')
  clock.advance(600_000)
  expect(logged).toHaveLength(1)
  expect(clock.timerCount).toBe(0)
})

it('is silent, and looks no longer, once a tick has come', () => {
  count('messagesWithoutSymbol')
  clock.advance(5_000)
  count('ticksDecoded')
  clock.advance(600_000)
  expect(logged).toEqual([])
  expect(clock.timerCount).toBe(0)
})

it('leaves no timer when it is stopped', () => {
  watch.stop()
  expect(clock.timerCount).toBe(0)
})
