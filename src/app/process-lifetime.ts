/**
 * From start to the end of the process: signals, failures, the deadline of an orderly stop. Main thread.
 * The exit code is 0 only after a stop that somebody asked for and that went well, and 2 when a setting or its file proves wrong at the start.
 */
import { constants } from 'node:os'
import type { Clock } from '../common/clock.js'
import { type ErrorCode, RingcastError } from '../common/errors.js'
import type { ProcessLog } from '../common/log.js'
import { PatientClock } from '../common/patient-clock.js'

/** What runs until it is told to stop. */
export interface Service {
  start(): Promise<void>
  /** Called once, after `start` has settled, also when it was rejected. */
  stop(): Promise<void>
  /** Settles, either way, with the error that makes going on useless. */
  readonly failed: Promise<unknown>
}

export type StopSignal = 'SIGTERM' | 'SIGINT'

/** The part of `process` that is needed here. */
export interface HostProcess {
  exitCode?: number | string | null | undefined
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown
  exit(code: number): void
}

export interface LifetimeOptions {
  readonly host: HostProcess
  readonly clock: Clock
  readonly log: ProcessLog
  /** What the service has for an orderly stop. */
  readonly shutdownTimeoutMs: number
}

/** What a start fails with when a setting, or the file it names, is wrong. */
const SETTING_CODES: ReadonlySet<ErrorCode> = new Set(['config_invalid', 'feed_file_invalid'])
/** The service keeps to `shutdownTimeoutMs` itself; force comes after it has had time to say how that went. */
const GRACE_MS = 1000

/**
 * Runs `service` until a signal or until it fails, then stops it. Resolves when it has stopped; the process then ends by
 * itself because nothing is left to do, or is ended at the deadline because something is.
 */
export async function runService(service: Service, options: LifetimeOptions): Promise<void> {
  const { host, clock, log, shutdownTimeoutMs } = options
  host.exitCode = 1
  const signalled = firstSignal(host)
  let hasStarted = false
  const started = service.start().then(() => {
    hasStarted = true
  })
  const failure = started.then(() => service.failed).catch((error: unknown) => error)

  const asked = await Promise.race([
    signalled.then(signal => {
      log.info({ signal }, 'stopping')
      return true
    }),
    failure.then(error => {
      log.fatal(failureDetails(error), failureMessage(error))
      if (!hasStarted && error instanceof RingcastError && SETTING_CODES.has(error.code)) host.exitCode = 2
      return false
    }),
  ])

  const forceMs = shutdownTimeoutMs + GRACE_MS
  new PatientClock(clock, forceMs).after(forceMs, () => {
    log.fatal({ shutdownTimeoutMs }, 'the stop takes too long: ending by force')
    host.exit(1)
  })
  // What is half built cannot be taken down: a start that was asked to stop is waited for, up to the deadline.
  await started.catch(() => undefined)
  try {
    await service.stop()
    if (asked) host.exitCode = 0
    log.info({}, 'stopped')
  } catch (err) {
    log.error({ err }, 'the stop has failed')
  }
}

/** The first SIGTERM or SIGINT. A second one means now: it ends the process at once. */
function firstSignal(host: HostProcess): Promise<StopSignal> {
  return new Promise(resolve => {
    let count = 0
    const onSignal = (signal: StopSignal) => {
      count += 1
      if (count === 1) resolve(signal)
      else host.exit(128 + constants.signals[signal])
    }
    host.on('SIGTERM', onSignal)
    host.on('SIGINT', onSignal)
  })
}

/** The stack of a `RingcastError` says nothing that its message does not; that of any other error is all there is. */
function failureDetails(error: unknown): object {
  return error instanceof RingcastError ? { code: error.code } : { err: error }
}

function failureMessage(error: unknown): string {
  return error instanceof RingcastError ? error.message : 'an unexpected error: this is a bug in Ringcast'
}
