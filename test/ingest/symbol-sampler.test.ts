import { describe, expect, it } from 'vitest'
import { SymbolSampler } from '../../src/ingest/symbol-sampler.js'
import { TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'
import { tickCodecOf } from '../../src/ticks/tick-codec-of.js'
import { quote, trade } from '../support/ticks.js'

const LOG_BYTES = 1024 * 1024
const codec = tickCodecOf(undefined, 1024)

/** A log whose reader is always at its end. */
function stage(logBytes = LOG_BYTES) {
  const memory = new SharedArrayBuffer(tickLogBytes(logBytes))
  const writer: TickLogWriter = new TickLogWriter(memory, () => writer.position)
  const numbering = { serial: 0 }
  const sampler = new SymbolSampler(memory, numbering, codec)
  const append = (payload: Uint8Array, type: typeof TICK | typeof TICK_BATCH, count: number): void => {
    const first = numbering.serial + 1
    expect(writer.tryAppend(type, count, first, first, first * 1000, payload, 0, payload.length)).toBe(true)
    numbering.serial += count
  }
  return {
    sampler,
    push: (symbol: string) => append(codec.encodePushed(quote(symbol, 1)), TICK, 1),
    pushBatch: (symbols: readonly string[]) => {
      const fields = symbols.flatMap(symbol => {
        const tick = codec.encodePushed(trade(symbol, 1))
        return [(codec.batchPath.at(-1)! << 3) | 2, tick.length, ...tick]
      })
      append(Uint8Array.from(fields), TICK_BATCH, symbols.length)
    },
  }
}

describe('a sample of symbols', () => {
  it('is empty while there are no ticks', () => {
    expect(stage().sampler.sample()).toEqual({ ticks: 0, spanMs: 0, busiest: [] })
  })

  it('counts single ticks and batches, the busiest first', () => {
    const { push, pushBatch, sampler } = stage()
    push('B')
    pushBatch(['A', 'Ä€', 'A'])
    push('A')
    expect(sampler.sample()).toEqual({
      ticks: 5,
      spanMs: 4,
      busiest: [
        { symbol: 'A', ticks: 3 },
        { symbol: 'B', ticks: 1 },
        { symbol: 'Ä€', ticks: 1 },
      ],
    })
  })

  it('is of the newest 2,000 ticks, also where they begin within a batch', () => {
    const { pushBatch, sampler } = stage()
    for (let round = 0; round < 30; round++) pushBatch(Array.from({ length: 100 }, () => `S${round}`))
    pushBatch(['LAST'])
    const { busiest, ticks } = sampler.sample()
    expect(ticks).toBe(2000)
    expect(busiest).toHaveLength(15)
    expect(busiest[0]).toEqual({ symbol: 'S11', ticks: 100 })
  })

  it('takes what there is of a log that holds fewer', () => {
    const { push, sampler } = stage(64 * 1024)
    for (let round = 0; round < 5000; round++) push('A')
    const { busiest, ticks } = sampler.sample()
    expect(ticks).toBeGreaterThan(100)
    expect(ticks).toBeLessThan(2000)
    expect(busiest).toEqual([{ symbol: 'A', ticks }])
  })
})
