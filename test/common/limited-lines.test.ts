import { beforeEach, describe, expect, it } from 'vitest'
import { LINES_MAX, LINES_PERIOD_MS, LimitedLines } from '../../src/common/limited-lines.js'
import { FakeClock } from '../support/fake-clock.js'

let clock: FakeClock
let told: string[]
let lines: LimitedLines<string>

beforeEach(() => {
  clock = new FakeClock()
  told = []
  lines = new LimitedLines(clock, (kind, suppressed) => told.push(`${kind} ${suppressed}`))
})

function take(kind: string, count: number): number {
  return Array.from({ length: count }, () => lines.take(kind)).filter(Boolean).length
}

describe('LimitedLines', () => {
  it('lets so many lines of each kind through in a period, and then tells how many it left out', () => {
    expect(take('a', LINES_MAX + 3)).toBe(LINES_MAX)
    expect(take('b', LINES_MAX)).toBe(LINES_MAX)
    clock.advance(LINES_PERIOD_MS - 1)
    expect(told).toEqual([])
    clock.advance(1)
    expect(told).toEqual(['a 3'])
    expect(take('a', 1)).toBe(1)
  })

  it('tells each number once, also when a line comes before its timer', () => {
    take('a', LINES_MAX + 1)
    clock.advance(LINES_PERIOD_MS)
    take('a', LINES_MAX + 2)
    lines.stop()
    lines.stop()
    expect(told).toEqual(['a 1', 'a 2'])
    expect(clock.timerCount).toBe(0)
  })

  it('needs no timer while nothing is left out', () => {
    take('a', LINES_MAX)
    expect(clock.timerCount).toBe(0)
  })
})
