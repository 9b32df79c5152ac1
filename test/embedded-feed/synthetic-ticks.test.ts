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

it('makes the same ticks of the same seed, and others of another', () => {
  expect(make(2000)).toEqual(make(2000))
  expect(make(2000)).not.toEqual(make(2000, { seed: 8 }))
  expect(make(10, { seed: 1 })).not.toEqual(make(10, { seed: 1 + 2 ** 32 }))
})

it('keeps the mean rate, and bursts to many times of it within 100 ms', () => {
  const ticks = make(300_000)
  const seconds = ticks.at(-1)!.dueMs / 1000
  expect(ticks.length / seconds).toBeGreaterThan(850)
  expect(ticks.length / seconds).toBeLessThan(1150)
  const windows = new Map<number, number>()
  for (const { dueMs } of ticks) {
    const window = Math.floor(dueMs / 100)
    windows.set(window, (windows.get(window) ?? 0) + 1)
  }
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
  for (const tick of make(5_000)) {
    const numbers =
      tick.kind === QUOTE ? [tick.bid, tick.bidSize, tick.ask, tick.askSize] : [tick.last, tick.lastSize]
    for (const number of numbers) {
      expect(number).toBeGreaterThan(0)
      expect(String(number)).toMatch(/^\d+(\.\d{1,4})?$/)
    }
    if (tick.kind === QUOTE) {
      expect(tick.bid).toBeLessThan(tick.ask)
      quotes.set(tick.symbol.name, { ...tick })
    } else {
      const quote = quotes.get(tick.symbol.name)
      if (quote) expect([quote.bid, quote.ask]).toContain(tick.last)
    }
  }
})

it('gives few symbols most of the ticks, and every symbol some', () => {
  const counts = new Map<string, number>()
  for (const { symbol } of make(100_000)) counts.set(symbol.name, (counts.get(symbol.name) ?? 0) + 1)
  expect(counts.size).toBe(50)
  const sorted = [...counts.values()].sort((a, b) => b - a)
  expect(sorted.slice(0, 5).reduce((a, b) => a + b)).toBeGreaterThan(40_000)
})

it('refuses what it cannot make', () => {
  for (const symbols of [0, 10_001, 1.5]) expect(() => make(0, { symbols })).toThrow('number of symbols')
  for (const rate of [0, -1, Number.NaN]) expect(() => make(0, { rate })).toThrow('rate')
  for (const seed of [-1, 0.5]) expect(() => make(0, { seed })).toThrow('seed')
})
