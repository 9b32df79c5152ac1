import { expect, it } from 'vitest'
import { LANE_TROUBLE_MS_MAX, LATE_MS_MAX, liveness } from '../../src/app/liveness.js'
import { ProcessWatch } from '../../src/metrics/process-watch.js'
import { FakeClock } from '../support/fake-clock.js'

it('is live until a restart would help', () => {
  expect(liveness({ lateForMs: LATE_MS_MAX - 1, laneTroubleMs: LANE_TROUBLE_MS_MAX - 1 })).toEqual({
    live: true,
    checks: { eventLoop: 'ok', lanes: 'ok' },
  })
  expect(liveness({ lateForMs: LATE_MS_MAX, laneTroubleMs: 0 })).toMatchObject({
    live: false,
    checks: { eventLoop: expect.stringContaining('late for 30 s'), lanes: 'ok' },
  })
  expect(liveness({ lateForMs: 0, laneTroubleMs: LANE_TROUBLE_MS_MAX })).toMatchObject({
    live: false,
    checks: { lanes: expect.stringContaining('failing for 60 s') },
  })
})

it('knows for how long the event loop has been late each time, and is content with one that is prompt', () => {
  let nowMs = 0
  let beat = (): void => {}
  const clock = new FakeClock()
  const watch = new ProcessWatch({
    filesMax: Number.POSITIVE_INFINITY,
    clock: {
      nowMs: () => nowMs,
      every: (periodMs, callback) => {
        beat = callback
        return clock.every(periodMs, () => {})
      },
    },
  })
  for (const lateMs of [5, 1_500, 1_500, 1_500]) {
    nowMs += 20 + lateMs
    beat()
  }
  expect(watch.lateForMs).toBe(4_560)
  expect(watch.view()).toMatchObject({ filesMax: null, eventLoopDelay: { count: 4, sumUs: 4_505_000 } })
  nowMs += 20
  beat()
  expect(watch.lateForMs).toBe(0)
  watch.stop()
  expect(clock.timerCount).toBe(0)
})
