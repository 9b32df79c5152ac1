import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VisibleEntries } from '../../src/clients/access/entry-scope.js'
import { REFUSAL_BYTES_MAX } from '../../src/clients/command-handler.js'
import { SubscriptionBudget } from '../../src/clients/subscription-budget.js'
import { INTERVALS_MAX, Subscriptions } from '../../src/clients/subscriptions.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { MAIN_SLOT_COUNT } from '../../src/metrics/metric-table.js'
import type { IntervalMs } from '../../src/protocol/delivery.js'
import { SYMBOL_ERRORS } from '../../src/protocol/error-codes.js'

const LIMITS = { countMax: 1000, bytesMax: 10_000 }
const COUNTERS = new CounterWriter(
  new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))),
)
const FULL = new SubscriptionBudget(Number.MAX_SAFE_INTEGER, COUNTERS)
FULL.charge('address', Number.MAX_SAFE_INTEGER)

/** Subscriptions with all eight intervals, 0 to 7 ms for A0 to A7, and every tick of E. */
function full(): Subscriptions {
  const subscriptions = new Subscriptions(LIMITS)
  subscriptions.add(['E'], null)
  for (let intervalMs = 0; intervalMs < INTERVALS_MAX; intervalMs++)
    subscriptions.add([`A${intervalMs}`], intervalMs)
  return subscriptions
}

const refusal = (symbol: string) => ({
  symbol,
  code: 'too_many_intervals',
  message: 'at most 8 different intervals',
})

describe('a refused entry', () => {
  it.each(['', 'x'.repeat(65), 'CAF\udc00', 'A*B', '\ud800*'])('cannot be removed either: %j', entry => {
    const subscriptions = new Subscriptions(LIMITS)
    const refused = [{ symbol: entry.slice(0, 64), code: 'bad_symbol', message: expect.any(String) }]
    expect(subscriptions.add([entry], null)).toEqual({ done: [], refused })
    expect(subscriptions.remove([entry])).toEqual({ done: [], refused })
  })

  it('takes no more bytes in the reply, without its name, than the command was charged', () => {
    const subscriptions = full()
    const results = [
      subscriptions.add(['', 'x'.repeat(65), 'CAF\udc00', 'A*B'], null),
      subscriptions.add(['new'], 60_000),
      subscriptions.remove(['not there']),
      new Subscriptions({ countMax: 0, bytesMax: Number.MAX_SAFE_INTEGER }).add(['one more'], null),
      new Subscriptions(LIMITS, { scope: new VisibleEntries(['A']) }).add(['B'], null),
      new Subscriptions(LIMITS, { budget: FULL.ofAddress('address') }).add(['one more'], null),
    ]
    const codes = new Set()
    for (const refused of results.flatMap(each => each.refused)) {
      codes.add(refused.code)
      expect(JSON.stringify({ ...refused, symbol: '' }).length).toBeLessThanOrEqual(REFUSAL_BYTES_MAX)
    }
    expect(codes.size).toBe(Object.keys(SYMBOL_ERRORS).length)
  })
})

describe('the intervals of one client', () => {
  it('are at most eight: a command with a further one has each of its symbols refused and changes nothing', () => {
    const subscriptions = full()
    const before = subscriptions.byInterval
    subscriptions.add(['A0'], 1)
    subscriptions.add(['A0'], 0)
    subscriptions.add(['B'], 7)
    expect(subscriptions.add(['C', 'E', 'B'], 250)).toEqual({
      done: [],
      refused: ['C', 'E', 'B'].map(refusal),
    })
    subscriptions.remove(['B'])
    expect(subscriptions.byInterval).toEqual(before)
  })

  it('do not limit the symbols at the same intervals, or those of every tick', () => {
    const subscriptions = full()
    expect(subscriptions.add(['C'], 3).done).toEqual(['C'])
    expect(subscriptions.add(['D'], null).done).toEqual(['D'])
  })

  it('become free when their last symbol is removed or gets another interval', () => {
    const subscriptions = full()
    expect(subscriptions.add(['A0'], 250).done).toEqual(['A0'])
    expect(subscriptions.add(['B'], 0).refused).toEqual([refusal('B')])
    subscriptions.add(['A1'], null)
    expect(subscriptions.add(['B'], 0).done).toEqual(['B'])
    subscriptions.remove(['A2'])
    expect(subscriptions.add(['C'], 500).done).toEqual(['C'])
    expect(subscriptions.add(['D'], 600).refused).toEqual([refusal('D')])
  })

  it('are counted right after any changes', () => {
    const symbol = fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L')
    const interval = fc.oneof(fc.constant(null), fc.nat(11))
    const step = fc.tuple(fc.array(symbol), fc.oneof(interval, fc.constant('remove' as const)))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), steps => {
        const subscriptions = new Subscriptions(LIMITS)
        const entries = new Map<string, IntervalMs>()
        for (const [symbols, change] of steps) {
          const { done, refused } =
            change === 'remove' ? subscriptions.remove(symbols) : subscriptions.add(symbols, change)
          expect([...done, ...refused.map(each => each.symbol)].sort()).toEqual([...new Set(symbols)].sort())
          for (const each of done) {
            if (change === 'remove') entries.delete(each)
            else entries.set(each, change)
          }
          const groups = subscriptions.byInterval
          expect(groups.filter(({ intervalMs }) => intervalMs !== null).length).toBeLessThanOrEqual(
            INTERVALS_MAX,
          )
          const listed = groups.flatMap(({ intervalMs, symbols: all }) => all.map(each => [each, intervalMs]))
          expect(new Map(listed as [string, IntervalMs][])).toEqual(entries)
          expect(groups).toEqual([...groups].sort((a, b) => (a.intervalMs ?? -1) - (b.intervalMs ?? -1)))
          for (const { code } of refused) {
            if (code === 'too_many_intervals')
              expect(new Set([...entries.values()].filter(each => each !== null)).size).toBe(INTERVALS_MAX)
          }
        }
      }),
    )
  })
})
