/**
 * Writes the log of a process to stdout: as JSON for collectors of logs, or as text for people. Main thread.
 * A line is written before the call returns, so none is lost when the process ends.
 */
import { pino, stdTimeFunctions } from 'pino'
import type { LogLevel, ProcessLog } from './log.js'
import { logLineText } from './log-line-text.js'

const STDOUT = 1

export interface ProcessLogOptions {
  readonly level: LogLevel
  readonly form: 'json' | 'text'
  /** Whether the level of a text line has a colour. Default false. */
  readonly hasColours?: boolean
  /** Of every line. */
  readonly details?: object
  /** The file descriptor to write to. Default: stdout. */
  readonly fd?: number
}

/**
 * Writing synchronously is affordable because no line is written per tick, and lines that clients cause are limited.
 * It has a price: a stdout that nobody reads stops the process once the pipe is full, as console.log does.
 */
export function createProcessLog(options: ProcessLogOptions): ProcessLog {
  const { details = {}, fd = STDOUT, form, hasColours = false, level } = options
  const output = pino.destination({ dest: fd, sync: true })
  return pino(
    {
      level,
      // No host and no pid: a collector of logs adds them.
      base: details,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    form === 'json'
      ? output
      : { write: line => void output.write(logLineText(JSON.parse(line), hasColours)) },
  )
}
