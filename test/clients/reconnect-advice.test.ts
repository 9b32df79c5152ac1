import { describe, expect, it } from 'vitest'
import { QUEUED_MS_MAX, ReconnectAdvice } from '../../src/clients/reconnect-advice.js'
import { Random } from '../../src/common/random.js'
import { FakeClock } from '../support/fake-clock.js'

function advise(random: () => number) {
  const clock = new FakeClock()
  return { clock, advice: new ReconnectAdvice({ perSecond: 100, retryAfterS: 5, clock, random }) }
}

describe('the advice to reconnect', () => {
  it('is the setting and up to twice as much while few are told to wait', () => {
    expect(advise(() => 0).advice.afterRefusalS()).toBe(5)
    expect(advise(() => 0.999).advice.afterRefusalS()).toBe(10)
  })

  it('grows with the number of clients that are told to wait, and falls with time', () => {
    const { advice, clock } = advise(() => 0)
    for (let client = 0; client < 1000; client++) advice.afterRefusalS()
    expect(advice.afterRefusalS()).toBe(15)
    clock.advance(9000)
    expect(advice.afterRefusalS()).toBe(6)
    clock.advance(60_000)
    expect(advice.afterRefusalS()).toBe(5)
  })

  it('brings clients that leave at one moment back at the pace of the admission', () => {
    const random = new Random(7)
    const { advice } = advise(() => random.next())
    const perSecond = new Map<number, number>()
    for (let client = 0; client < 1000; client++) {
      const second = Math.floor(advice.afterGoodbyeMs() / 1000)
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
    }
    expect(Math.max(...perSecond.keys())).toBe(10)
    expect(Math.max(...perSecond.values())).toBeLessThan(130)
  })

  it('is bounded, and random beyond the bound', () => {
    const random = new Random(7)
    const { advice } = advise(() => random.next())
    const waits = Array.from({ length: 20_000 }, () => advice.afterGoodbyeMs())
    expect(Math.max(...waits)).toBeLessThanOrEqual(QUEUED_MS_MAX + 250)
    const late = waits.slice(10_000)
    expect(Math.min(...late)).toBeLessThan(QUEUED_MS_MAX * 0.55)
    expect(Math.max(...late)).toBeGreaterThan(QUEUED_MS_MAX * 0.95)
  })
})
