/**
 * Why a group of gateways could not start.
 */
import { RingcastError } from '../../common/errors.js'

/** The exit code 2 stands for a wrong setting, of which the process has logged the reason. */
export function endedAtStart(process: number, code: number | null): RingcastError {
  return new RingcastError(
    code === 2 ? 'config_invalid' : 'process_failed',
    `process ${process} has ended as it started: its last line in the log says why`,
  )
}

export function notStarted(process: number, cause: Error): RingcastError {
  return new RingcastError('process_failed', `process ${process} could not be started: ${cause.message}`, {
    cause,
  })
}
