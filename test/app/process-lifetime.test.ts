import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  type HostProcess,
  type HostSignal,
  runService,
  type Service,
} from '../../src/app/process-lifetime.js'
import { RingcastError } from '../../src/common/errors.js'
import type { ProcessLog } from '../../src/common/log.js'
import { FakeClock } from '../support/fake-clock.js'

class FakeProcess extends EventEmitter<Record<HostSignal, [HostSignal]>> implements HostProcess {
  exitCode?: number | string | null | undefined
  readonly exits: number[] = []

  exit(code: number): void {
    this.exits.push(code)
  }

  signal(signal: HostSignal): void {
    this.emit(signal, signal)
  }
}

interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

function deferred<T = void>(): Deferred<T> {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}

/** Runs a service whose steps the test settles. */
function begin() {
  const host = new FakeProcess()
  const start = deferred()
  const stop = deferred()
  const failed = deferred<unknown>()
  const drain = deferred()
  const stopCalled = deferred()
  const steps: string[] = []
  const service: Service = {
    failed: failed.promise,
    drainRequested: drain.promise,
    start(signal) {
      steps.push('start')
      signal.addEventListener('abort', () => steps.push('abort'))
      return start.promise
    },
    async reload() {
      steps.push('reload')
    },
    stop() {
      steps.push('stop')
      stopCalled.resolve()
      return stop.promise
    },
  }
  const lines: { level: string; message: string; details: object }[] = []
  const line = (level: string) => (details: object, message: string) =>
    void lines.push({ level, message, details })
  const log: ProcessLog = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    fatal: line('fatal'),
  }
  const clock = new FakeClock()
  const ended = runService(service, { host, clock, log, stopTimeoutMs: 10_000 })
  return { host, start, stop, drain, failed, stopCalled: stopCalled.promise, steps, lines, clock, ended }
}

describe('runService', () => {
  it.each<HostSignal>(['SIGTERM', 'SIGINT'])('stops in order at %s and leaves exit code 0', async signal => {
    const { host, start, stop, steps, clock, ended } = begin()
    start.resolve()
    expect(clock.timerCount).toBe(0)
    host.signal(signal)
    stop.resolve()
    await ended
    expect(steps).toEqual(['start', 'abort', 'stop'])
    expect(host.exitCode).toBe(0)
    expect(host.exits).toEqual([])
  })

  it('stops in order when it is asked to drain, and a signal that comes then ends nothing at once', async () => {
    const { host, start, stop, drain, stopCalled, steps, ended } = begin()
    start.resolve()
    drain.resolve()
    await stopCalled
    host.signal('SIGTERM')
    expect(host.exits).toEqual([])
    stop.resolve()
    await ended
    expect(steps).toEqual(['start', 'abort', 'stop'])
    expect(host.exitCode).toBe(0)
  })

  it('reads files again at SIGHUP, as often as it comes, and goes on', async () => {
    const { host, start, stop, steps, ended } = begin()
    start.resolve()
    host.signal('SIGHUP')
    host.signal('SIGHUP')
    expect(steps).toEqual(['start', 'reload', 'reload'])
    host.signal('SIGTERM')
    stop.resolve()
    await ended
    expect(host.exitCode).toBe(0)
  })

  it('has exit code 1 until it has stopped', async () => {
    const { host, start, stop, stopCalled, ended } = begin()
    start.resolve()
    expect(host.exitCode).toBe(1)
    host.signal('SIGTERM')
    await stopCalled
    expect(host.exitCode).toBe(1)
    stop.resolve()
    await ended
    expect(host.exitCode).toBe(0)
  })

  it.each<[HostSignal, number]>([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ])('ends at once at a second signal: %s', async (signal, code) => {
    const { host, start, stop, stopCalled, ended } = begin()
    start.resolve()
    host.signal('SIGTERM')
    await stopCalled
    expect(host.exits).toEqual([])
    host.signal(signal)
    expect(host.exits).toEqual([code])
    stop.resolve()
    await ended
  })

  it('ends by force when the stop takes too long', async () => {
    const { host, start, stop, stopCalled, clock, lines, ended } = begin()
    start.resolve()
    host.signal('SIGTERM')
    await stopCalled
    await clock.pass(10_999, 1000)
    expect(host.exits).toEqual([])
    await clock.pass(1, 1000)
    expect(host.exits).toEqual([1])
    expect(lines.at(-1)).toMatchObject({ level: 'fatal' })
    stop.resolve()
    await ended
  })

  it('waits for the end of the start when a signal comes during the start', async () => {
    const { host, start, stop, steps, clock, stopCalled, ended } = begin()
    host.signal('SIGTERM')
    // The deadline is set on the way to the stop, so everything before that has happened.
    await new Promise(setImmediate)
    expect(clock.timerCount).toBeGreaterThan(0)
    expect(steps).toEqual(['start', 'abort'])
    start.resolve()
    await stopCalled
    stop.resolve()
    await ended
    expect(host.exitCode).toBe(0)
  })

  it('has exit code 0 when a signal ends a start that waits for something', async () => {
    const { host, start, stop, steps, ended } = begin()
    host.signal('SIGTERM')
    start.reject(new Error('aborted'))
    stop.resolve()
    await ended
    expect(steps).toEqual(['start', 'abort', 'stop'])
    expect(host.exitCode).toBe(0)
  })

  it('stops and fails when the start fails, with advice and no stack', async () => {
    const { host, start, stop, steps, lines, ended } = begin()
    start.reject(new RingcastError('listen_failed', 'choose another port'))
    stop.resolve()
    await ended
    expect(steps).toEqual(['start', 'abort', 'stop'])
    expect(host.exitCode).toBe(1)
    expect(lines[0]).toEqual({
      level: 'fatal',
      message: 'choose another port',
      details: { code: 'listen_failed' },
    })
  })

  it.each(['config_invalid', 'feed_file_invalid', 'option_invalid', 'schema_invalid'] as const)(
    'has exit code 2 for %s at the start, and 1 for the same later',
    async code => {
      const error = new RingcastError(code, 'name another file')
      const early = begin()
      early.start.reject(error)
      early.stop.resolve()
      await early.ended
      expect(early.host.exitCode).toBe(2)
      const late = begin()
      late.start.resolve()
      late.failed.resolve(error)
      late.stop.resolve()
      await late.ended
      expect(late.host.exitCode).toBe(1)
    },
  )

  it.each(['resolve', 'reject'] as const)(
    'stops and fails when the service fails later (%s)',
    async settle => {
      const { host, start, stop, failed, lines, ended } = begin()
      start.resolve()
      const error = new Error('a bug')
      failed[settle](error)
      stop.resolve()
      await ended
      expect(host.exitCode).toBe(1)
      expect(lines[0]).toMatchObject({ level: 'fatal', details: { err: error } })
    },
  )

  it('fails when the stop fails', async () => {
    const { host, start, stop, lines, ended } = begin()
    start.resolve()
    host.signal('SIGINT')
    stop.reject(new Error('a bug'))
    await ended
    expect(host.exitCode).toBe(1)
    expect(lines.at(-1)).toMatchObject({ level: 'error' })
  })

  it('says nothing of a start that gives up because it was told to stop', async () => {
    const run = begin()
    run.host.signal('SIGTERM')
    while (!run.steps.includes('abort')) await Promise.resolve()
    run.start.reject(new Error('given up'))
    await run.stopCalled
    run.stop.resolve()
    await run.ended
    expect(run.lines.filter(({ level }) => level === 'fatal')).toEqual([])
    expect(run.host.exitCode).toBe(0)
  })
})
