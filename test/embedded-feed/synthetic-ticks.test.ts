import { expect, it } from 'vitest'
import { type SyntheticOptions, SyntheticTicks } from '../../src/embedded-feed/synthetic-ticks.js'
import { QUOTE, TRADE } from '../../src/ticks/market-tick.js'
import type { TickToEncode } from '../../src/ticks/market-tick-encoder.js'

const options: SyntheticOptions = { symbols: 50, rate: 1000, seed: 7, startUs: 1_700_000_000_000_000 }

function make(count: number, changes: Partial<SyntheticOptions> = {}): (TickToEncode & { dueMs: number })[] {
  const supply = new SyntheticTicks({ ...options, ...changes })
  return Array.from({ length: count }, () => {
    supply.next()
    return { ...supply.tick, dueMs: supply.dueMs }
  })
}

it('makes the same ticks from the same seed, and others from another seed', () => {
  expect(make(2000)).toEqual(make(2000))
  expect(make(2000)).not.toEqual(make(2000, { seed: 8 }))
  expect(make(10, { seed: 1 })).not.toEqual(make(10, { seed: 1 + 2 ** 32 }))
})

it('keeps the mean rate, with bursts of many times the mean in 100 ms', () => {
  const supply = new SyntheticTicks(options)
  const windows = new Map<number, number>()
  for (let tick = 0; tick < 300_000; tick++) {
    supply.next()
    const window = Math.floor(supply.dueMs / 100)
    windows.set(window, (windows.get(window) ?? 0) + 1)
  }
  const seconds = supply.dueMs / 1000
  expect(300_000 / seconds).toBeGreaterThan(850)
  expect(300_000 / seconds).toBeLessThan(1150)
  expect(Math.max(...windows.values())).toBeGreaterThan(100 * 5)
})

it('numbers each symbol and kind from 1 without a hole, at times that never go back', () => {
  const next = new Map<string, number>()
  let timeNs = 0n
  let trades = 0
  const wrong: TickToEncode[] = []
  for (const tick of make(50_000)) {
    const key = `${tick.symbol.name} ${tick.kind}`
    const tickNs = BigInt(tick.timeUs) * 1000n + BigInt(tick.timeRestNs)
    if (tick.sequence !== (next.get(key) ?? 0) + 1 || tickNs < timeNs) wrong.push(tick)
    next.set(key, tick.sequence)
    timeNs = tickNs
    if (tick.kind === TRADE) trades++
  }
  expect(wrong).toEqual([])
  expect(trades / 50_000).toBeGreaterThan(0.14)
  expect(trades / 50_000).toBeLessThan(0.16)
})

it('makes prices with few decimals, the bid below the ask, and trades on one of them', () => {
  const quotes = new Map<string, TickToEncode>()
  const wrong: TickToEncode[] = []
  for (const tick of make(5_000)) {
    const { ask, askSize, bid, bidSize, last, lastSize } = tick
    const isQuote = tick.kind === QUOTE
    const numbers = isQuote ? [bid, bidSize, ask, askSize] : [last, lastSize]
    const haveFewDecimals = numbers.every(number => number > 0 && /^\d+(\.\d{1,4})?$/.test(String(number)))
    const before = quotes.get(tick.symbol.name) ?? { bid: last, ask: last }
    const fits = isQuote ? bid < ask : last === before.bid || last === before.ask
    if (!haveFewDecimals || !fits) wrong.push(tick)
    if (isQuote) quotes.set(tick.symbol.name, tick)
  }
  expect(wrong).toEqual([])
})

it('gives few symbols most of the ticks, and every symbol some', () => {
  const counts = new Map<string, number>()
  for (const { symbol } of make(100_000)) counts.set(symbol.name, (counts.get(symbol.name) ?? 0) + 1)
  expect(counts.size).toBe(50)
  const sorted = [...counts.values()].sort((a, b) => b - a)
  expect(sorted.slice(0, 5).reduce((a, b) => a + b)).toBeGreaterThan(40_000)
})

it('refuses options out of range', () => {
  for (const symbols of [0, 10_001, 1.5]) expect(() => make(0, { symbols })).toThrow('number of symbols')
  for (const rate of [0, -1, Number.NaN]) expect(() => make(0, { rate })).toThrow('rate')
  for (const seed of [-1, 0.5]) expect(() => make(0, { seed })).toThrow('seed')
})
