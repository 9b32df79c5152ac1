import { expect, it } from 'vitest'
import { type ReadinessFacts, readiness } from '../../src/app/readiness.js'

const READY: ReadinessFacts = {
  isStopping: false,
  areLanesHealthy: true,
  hasRoomForLatest: true,
  upstream: { state: 'live', reconnects: 0, lastError: undefined },
}
const DOWN = { state: 'connecting', reconnects: 3, lastError: 'UNAVAILABLE: no connection' } as const

it('is ready when each check is, and says why not', () => {
  expect(readiness(READY).ready).toBe(true)
  expect(readiness({ ...READY, areLanesHealthy: false }).ready).toBe(false)
  expect(readiness({ ...READY, upstream: DOWN })).toMatchObject({
    ready: false,
    checks: { gateway: 'ok', upstream: 'UNAVAILABLE: no connection' },
  })
})

it('is ready without room for latest ticks: another gateway has no more', () => {
  expect(readiness({ ...READY, hasRoomForLatest: false })).toMatchObject({
    ready: true,
    checks: { latest: expect.stringContaining('RINGCAST_LATEST_BYTES') },
  })
})

it('takes clients while every gateway has lost the feed, for a balancer that excludes it', () => {
  const without = new Set(['upstream'])
  expect(readiness({ ...READY, upstream: DOWN }, without)).toMatchObject({
    ready: true,
    checks: { upstream: 'UNAVAILABLE: no connection' },
  })
  expect(readiness({ ...READY, isStopping: true }, without).ready).toBe(false)
})
