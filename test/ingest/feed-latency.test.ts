import { afterEach, describe, expect, it } from 'vitest'
import { FEED_LATENCY_PERIOD_MS, FeedLatency } from '../../src/ingest/feed-latency.js'
import { STREAM_EVENT, TICK, TICK_BATCH } from '../../src/memory/tick-log-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { TickLogWriter } from '../../src/memory/tick-log-writer.js'
import { Histogram } from '../../src/metrics/histogram.js'
import { tickCodecOf } from '../../src/ticks/tick-codec-of.js'
import { FakeClock } from '../support/fake-clock.js'
import { quote } from '../support/ticks.js'

const EPOCH_US = 1_700_000_000_000_000
const market = tickCodecOf(undefined, 1024)

let watch: FeedLatency | undefined

afterEach(() => watch?.stop())

function stage(codec = market) {
  const memory = new SharedArrayBuffer(tickLogBytes(64 * 1024))
  const writer: TickLogWriter = new TickLogWriter(memory, () => writer.position)
  const numbering = { serial: 0 }
  const clock = new FakeClock(EPOCH_US)
  const latency = new Histogram()
  watch = new FeedLatency({ tickLog: memory, numbering, codec, clock, latency })
  const append = (payload: Uint8Array, type: typeof TICK | typeof TICK_BATCH, count: number): void => {
    const first = numbering.serial + 1
    expect(writer.tryAppend(type, count, first, first, clock.epochUs(), payload, 0, payload.length)).toBe(
      true,
    )
    numbering.serial += count
  }
  /** Ticks that are so old when they come. */
  const encoded = (ageUs: number) =>
    codec.encodePushed({ ...quote('A', 1), sourceTimeNs: BigInt(clock.epochUs() - ageUs) * 1000n })
  return {
    clock,
    latency,
    append,
    push: (ageUs: number) => append(encoded(ageUs), TICK, 1),
    pushBatch: (...agesUs: number[]) => {
      const fields = agesUs.flatMap(ageUs => {
        const tick = encoded(ageUs)
        return [(codec.batchPath.at(-1)! << 3) | 2, tick.length, ...tick]
      })
      append(Uint8Array.from(fields), TICK_BATCH, agesUs.length)
    },
    pushEvent: () => {
      expect(writer.tryAppend(STREAM_EVENT, 0, numbering.serial + 1, 0, 0, new Uint8Array(4), 0, 4)).toBe(
        true,
      )
    },
    look: () => {
      clock.advance(FEED_LATENCY_PERIOD_MS)
      const { count, sumUs } = latency.view()
      return { count, sumUs }
    },
  }
}

describe('the latency from the feed', () => {
  it('is that of the newest tick at each look, and of none where none has come', () => {
    const { look, push } = stage()
    expect(look()).toEqual({ count: 0, sumUs: 0 })
    push(9_000_000)
    push(1500)
    expect(look()).toEqual({ count: 1, sumUs: 1500 })
    expect(look()).toEqual({ count: 1, sumUs: 1500 })
    push(500)
    expect(look()).toEqual({ count: 2, sumUs: 2000 })
  })

  it('is that of the first tick of a batch, also where an event follows, and after a lap of the log', () => {
    const { look, push, pushBatch, pushEvent } = stage()
    for (let tick = 0; tick < 3000; tick++) push(10)
    pushBatch(700, 300)
    pushEvent()
    expect(look()).toEqual({ count: 1, sumUs: 700 })
  })

  it('is 0 for a feed whose clock is ahead, and follows a clock that was stepped', () => {
    const { clock, look, push } = stage()
    push(-5000)
    expect(look()).toEqual({ count: 1, sumUs: 0 })
    clock.stepUs = 2000
    push(1000)
    expect(look()).toEqual({ count: 2, sumUs: 3000 })
  })

  it('counts no tick without a time, and none that cannot be read', () => {
    const { append, look } = stage()
    append(market.encodePushed({ ...quote('A', 1), sourceTimeNs: 0n }), TICK, 1)
    expect(look()).toEqual({ count: 0, sumUs: 0 })
    append(Uint8Array.of(0xff), TICK, 1)
    expect(look()).toEqual({ count: 0, sumUs: 0 })
  })
})
