/**
 * Writes log lines as JSON to stdout. Main thread.
 * A line is written before the call returns, so none is lost when the process ends.
 */
import { pino, stdTimeFunctions } from 'pino'
import type { LogLevel, ProcessLog } from './log.js'

const STDOUT = 1

/**
 * Writing synchronously is affordable because no line is written per tick. It has a price: a stdout that nobody reads
 * stops the process once the pipe is full, as console.log does.
 *
 * @param details of every line
 * @param fd the file descriptor to write to
 */
export function createProcessLog(level: LogLevel, details: object = {}, fd: number = STDOUT): ProcessLog {
  return pino(
    {
      level,
      // No host and no pid: a collector of logs adds them.
      base: details,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    pino.destination({ dest: fd, sync: true }),
  )
}
