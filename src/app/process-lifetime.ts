/**
 * Runs a service from the start to the end of the process: signals, failures, the deadline of the stop. Main thread.
 * Exit code: 0 after a stop by a signal without an error; 2 when a setting, or a file it names, is wrong at the start;
 * otherwise 1.
 */
import { constants } from 'node:os'
import type { Clock } from '../common/clock.js'
import { type ErrorCode, RingcastError } from '../common/errors.js'
import type { ProcessLog } from '../common/log.js'
import { PatientClock } from '../common/patient-clock.js'

export interface Service {
  /** @param signal the service is to stop: a start that waits for something gives up, and may reject */
  start(signal: AbortSignal): Promise<void>
  /**
   * Called once, after `start` was fulfilled or rejected.
   *
   * @param isRequested by a signal. Otherwise the service has failed, and has nothing to wait for
   */
  stop(isRequested: boolean): Promise<void>
  /** Reads the files of the settings again that can change while the service runs. */
  reload(): Promise<void>
  /** Resolves when the service was asked to stop in order, in another way than by a signal. */
  readonly drainRequested?: Promise<unknown>
  /** Resolves or rejects with an error after which the service must stop. */
  readonly failed: Promise<unknown>
}

/** SIGHUP stops nothing: a terminal that is closed sends it, too. */
export type HostSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP'

/** The members of `process` that are used here. */
export interface HostProcess {
  exitCode?: number | string | null | undefined
  on(signal: HostSignal, listener: (signal: HostSignal) => void): unknown
  exit(code: number): void
}

export interface LifetimeOptions {
  readonly host: HostProcess
  readonly clock: Clock
  readonly log: ProcessLog
  /** Longest time that the service takes for an orderly stop. */
  readonly stopTimeoutMs: number
}

/** The errors of a start with a wrong setting, or with a wrong file that a setting names. */
const SETTING_CODES: ReadonlySet<ErrorCode> = new Set([
  'config_invalid',
  'feed_file_invalid',
  // Of the handler: sizes that are right by themselves do not fit the schema of the feed.
  'option_invalid',
  'schema_invalid',
])
/** The service observes `stopTimeoutMs` itself. Only after this time more is the process ended by force. */
const GRACE_MS = 1000

/**
 * Runs `service` until a signal or a failure, then stops it. Resolves when the service has stopped. The process then
 * ends by itself; if something keeps it alive, it is ended at the deadline.
 */
export async function runService(service: Service, options: LifetimeOptions): Promise<void> {
  const { host, clock, log, stopTimeoutMs } = options
  host.exitCode = 1
  const signalled = firstSignal(host)
  let hasStarted = false
  const stopping = new AbortController()
  host.on('SIGHUP', () => {
    log.info({}, 'SIGHUP: files that have changed are read again')
    service.reload().catch((err: unknown) => log.error({ err }, 'files could not be read again'))
  })
  const started = service.start(stopping.signal).then(() => {
    hasStarted = true
  })
  const failure = started.then(() => service.failed).catch((error: unknown) => error)

  const isRequested = await Promise.race([
    signalled.then(signal => {
      log.info({ signal }, 'stopping')
      return true
    }),
    drainOf(service).then(() => {
      log.info({}, 'stopping: the admin port was asked to drain')
      return true
    }),
    failure.then(error => {
      // A start that was told to stop gives up.
      if (stopping.signal.aborted) return false
      log.fatal(failureDetails(error), failureMessage(error))
      if (!hasStarted && error instanceof RingcastError && SETTING_CODES.has(error.code)) host.exitCode = 2
      return false
    }),
  ])

  const forceMs = stopTimeoutMs + GRACE_MS
  new PatientClock(clock, forceMs).after(forceMs, () => {
    log.fatal({ stopTimeoutMs }, 'the stop takes too long: ending by force')
    host.exit(1)
  })
  // A service that is still starting cannot be stopped: the stop waits for the start, up to the deadline.
  stopping.abort()
  await started.catch(() => undefined)
  try {
    await service.stop(isRequested)
    if (isRequested) host.exitCode = 0
    log.info({}, 'stopped')
  } catch (err) {
    log.error({ err }, 'the stop has failed')
  }
}

/** A signal that comes later is the first one, and ends nothing at once. */
function drainOf({ drainRequested }: Service): Promise<unknown> {
  return drainRequested ?? new Promise(() => {})
}

/** Resolves with the first SIGTERM or SIGINT. A second one ends the process at once. */
function firstSignal(host: HostProcess): Promise<HostSignal> {
  return new Promise(resolve => {
    let count = 0
    const onSignal = (signal: HostSignal) => {
      count += 1
      if (count === 1) resolve(signal)
      else host.exit(128 + constants.signals[signal])
    }
    host.on('SIGTERM', onSignal)
    host.on('SIGINT', onSignal)
  })
}

/** The message of a `RingcastError` says everything. Any other error needs its stack. */
function failureDetails(error: unknown): object {
  return error instanceof RingcastError ? { code: error.code } : { err: error }
}

function failureMessage(error: unknown): string {
  return error instanceof RingcastError ? error.message : 'an unexpected error: this is a bug in Ringcast'
}
