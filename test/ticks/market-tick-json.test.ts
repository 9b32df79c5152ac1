import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MarketTick, QUOTE, TRADE } from '../../src/ticks/market-tick.js'
import {
  marketJsonPrefixes,
  TICK_JSON_BYTES_MAX,
  writeMarketTickJson,
} from '../../src/ticks/market-tick-json.js'
import { anyDouble, anyTick, type WholeTick } from '../support/any-tick.js'

function fieldsOf(tick: WholeTick): MarketTick {
  const { kind, bid, bidSize, ask, askSize, last, lastSize, position } = tick
  const halves = (value: bigint): [number, number] => [
    Number(BigInt.asIntN(32, value)),
    Number(BigInt.asIntN(32, value >> 32n)),
  ]
  const [sequenceLow, sequenceHigh] = halves(tick.sequence)
  const [timeLow, timeHigh] = halves(tick.sourceTimeNs)
  return Object.assign(new MarketTick(), {
    kind: kind - 1,
    bid,
    bidSize,
    ask,
    askSize,
    last,
    lastSize,
    position,
    sequenceLow,
    sequenceHigh,
    timeLow,
    timeHigh,
  })
}

function text(tick: WholeTick): string {
  const bytes = new Uint8Array(TICK_JSON_BYTES_MAX + 20).fill(0x2a)
  const end = writeMarketTickJson(bytes, 9, fieldsOf(tick), marketJsonPrefixes(tick.symbol)[tick.kind - 1]!)
  expect(end - 9).toBeLessThanOrEqual(TICK_JSON_BYTES_MAX)
  expect(bytes.subarray(0, 9).every(byte => byte === 0x2a)).toBe(true)
  expect(bytes.subarray(end).every(byte => byte === 0x2a)).toBe(true)
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(9, end))
}

/** The whole number below, also for negative ones. */
function micros(nanoseconds: bigint): number {
  return Number(nanoseconds >= 0n ? nanoseconds / 1000n : -((-nanoseconds + 999n) / 1000n))
}

/** As JSON holds it: no NaN, no infinities, no −0. */
const held = (value: number): number | null => (Number.isFinite(value) ? value + 0 : null)

const TICK: WholeTick = {
  symbol: 'BTCUSDT',
  kind: QUOTE,
  sequence: 9n,
  sourceTimeNs: 1_723_161_255_088_169_999n,
  bid: 61_234.5,
  bidSize: 0.25,
  ask: 61_234.51,
  askSize: 3,
  last: 0.1,
  lastSize: 1e-8,
  position: 0,
}

describe('a tick as JSON', () => {
  it('reads as documented', () => {
    expect(text(TICK)).toBe(
      '{"symbol":"BTCUSDT","kind":"quote","sequence":9,"time":1723161255088169,"bid":61234.5,"bidSize":0.25,"ask":61234.51,"askSize":3}',
    )
    expect(text({ ...TICK, kind: TRADE })).toBe(
      '{"symbol":"BTCUSDT","kind":"trade","sequence":9,"time":1723161255088169,"last":0.1,"lastSize":1e-8}',
    )
  })

  it('has the values of the tick, whatever they are', () => {
    fc.assert(
      fc.property(anyTick, tick => {
        const { bid, bidSize, ask, askSize, last, lastSize, sequence } = tick
        const us = micros(tick.sourceTimeNs)
        const { time, ...rest } = JSON.parse(text(tick))
        expect(rest).toEqual({
          symbol: tick.symbol,
          kind: tick.kind === QUOTE ? 'quote' : 'trade',
          sequence: sequence < 2n ** 53n ? Number(sequence) : String(sequence),
          ...(tick.kind === QUOTE
            ? { bid: held(bid), bidSize: held(bidSize), ask: held(ask), askSize: held(askSize) }
            : { last: held(last), lastSize: held(lastSize) }),
        })
        // Exact up to the year 2255, to the next double after.
        expect(Math.abs(time - us)).toBeLessThanOrEqual(Math.abs(us) <= 2 ** 53 ? 0 : 2)
      }),
      { numRuns: 1000 },
    )
  })

  it.each([
    [0n, 0],
    [999n, 0],
    [1000n, 1],
    [-1n, -1],
    [-1000n, -1],
    [-1001n, -2],
    [2n ** 32n * 1000n - 1n, 2 ** 32 - 1],
    [2n ** 32n * 1000n, 2 ** 32],
    [(2n ** 53n - 1n) * 1000n + 999n, 2 ** 53 - 1],
    [-(2n ** 53n) * 1000n, -(2 ** 53)],
  ])('rounds %d ns down to %d µs', (sourceTimeNs, time) => {
    expect(JSON.parse(text({ ...TICK, sourceTimeNs })).time).toBe(time)
  })

  it.each([
    [2n ** 53n - 1n, '9007199254740991'],
    [2n ** 53n, '"9007199254740992"'],
    [2n ** 63n, '"9223372036854775808"'],
    [2n ** 64n - 1n, '"18446744073709551615"'],
  ])('writes sequence %d as %s', (sequence, expected) => {
    expect(text({ ...TICK, sequence })).toContain(`"sequence":${expected},`)
  })

  it('is never longer than its bound', () => {
    const longest = -0.0000012345678901234567
    const worst: WholeTick = {
      ...TICK,
      symbol: '\u0001'.repeat(64),
      sequence: 2n ** 64n - 1n,
      sourceTimeNs: -(2n ** 63n),
      bid: longest,
      bidSize: longest,
      ask: longest,
      askSize: longest,
    }
    const { length } = text(worst)
    // And the bound is not far off.
    expect(length).toBeGreaterThan(TICK_JSON_BYTES_MAX - 80)
    fc.assert(
      fc.property(anyTick, anyDouble, (tick, price) => {
        text({ ...worst, symbol: tick.symbol, bid: price, sourceTimeNs: tick.sourceTimeNs })
      }),
    )
  })
})
