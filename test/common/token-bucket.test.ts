import { describe, expect, it } from 'vitest'
import { TokenBucket } from '../../src/common/token-bucket.js'
import { FakeClock } from '../support/fake-clock.js'

const ON_TIME = { heldUpMs: () => 0 }

/** How many of `count` are let through. */
function take(limit: TokenBucket, count: number): number {
  let taken = 0
  for (let one = 0; one < count; one++) if (limit.tryTake()) taken++
  return taken
}

describe('a rate limit', () => {
  it('allows the rate of a second, one by one as tokens come back', () => {
    const clock = new FakeClock()
    const limit = new TokenBucket(10, clock, ON_TIME)
    expect(take(limit, 20)).toBe(10)
    clock.advance(99)
    expect(take(limit, 1)).toBe(0)
    clock.advance(1)
    expect(take(limit, 2)).toBe(1)
    clock.advance(10_000)
    expect(take(limit, 20)).toBe(10)
  })

  it('allows a burst at first, and another one after the time to refill', () => {
    const clock = new FakeClock()
    const limit = new TokenBucket(10, clock, ON_TIME, 100)
    expect(take(limit, 200)).toBe(100)
    clock.advance(1000)
    expect(take(limit, 200)).toBe(10)
    clock.advance(100_000)
    expect(take(limit, 200)).toBe(100)
  })

  it('lets through at once what came while the thread was held up, and no more', () => {
    const clock = new FakeClock()
    let heldUpMs = 0
    const limit = new TokenBucket(10, clock, { heldUpMs: () => heldUpMs })
    expect(take(limit, 20)).toBe(10)
    heldUpMs = 7000
    clock.jump(7000)
    expect(take(limit, 200)).toBe(70)
    clock.jump(7000)
    heldUpMs = 0
    expect(take(limit, 200)).toBe(10)
  })
})
