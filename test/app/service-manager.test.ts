import { expect, it } from 'vitest'
import type { Service } from '../../src/app/process-lifetime.js'
import { withServiceManager } from '../../src/app/service-manager.js'
import { FakeClock } from '../support/fake-clock.js'
import { RecordedLog } from '../support/recorded-log.js'

function begin({ watchdogUs }: { watchdogUs?: string } = {}) {
  const clock = new FakeClock()
  const log = new RecordedLog()
  const told: string[] = []
  const state = { isLive: true, fails: false }
  const plain: Service = {
    failed: new Promise(() => {}),
    start: async () => void told.push('(start)'),
    stop: async () => void told.push('(stop)'),
    reload: async () => {},
  }
  const service = withServiceManager(plain, {
    watchdogUs,
    isLive: () => state.isLive,
    clock,
    log,
    async notify(message) {
      if (state.fails) throw new Error('no systemd')
      told.push(message)
    },
  })
  return { clock, log, service, state, told }
}

it('tells systemd when the service is ready and when it stops', async () => {
  const { clock, service, told } = begin()
  await service.start(new AbortController().signal)
  await service.stop(true)
  expect(told).toEqual(['(start)', 'READY=1', 'STOPPING=1', '(stop)'])
  expect(clock.timerCount).toBe(0)
})

it('tells it twice in each period that the service is alive, and not when it is not', async () => {
  const { clock, service, state, told } = begin({ watchdogUs: '30000000' })
  await service.start(new AbortController().signal)
  clock.advance(30_000)
  expect(told.slice(2)).toEqual(['WATCHDOG=1', 'WATCHDOG=1'])
  state.isLive = false
  clock.advance(60_000)
  expect(told).toHaveLength(4)
  await service.stop(true)
  expect(clock.timerCount).toBe(0)
})

it('goes on when systemd cannot be told', async () => {
  const { log, service, state, told } = begin()
  state.fails = true
  await service.start(new AbortController().signal)
  await service.stop(true)
  expect(told).toEqual(['(start)', '(stop)'])
  expect(log.with('could not be told')).toHaveLength(2)
})
