/**
 * Structured log lines, JSON on stdout. Main thread. The only importer of pino.
 * Lines are written synchronously: none is lost when the process ends, however it ends.
 */
import { pino, stdTimeFunctions } from 'pino'
import type { LogLevel } from '../config/config.js'

/** What the rest of Ringcast depends on. `details` with an `err` shows its stack and causes. */
export interface Log {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** The log of a process, which alone knows what is fatal. */
export interface ProcessLog extends Log {
  fatal(details: object, message: string): void
}

const STDOUT = 1

/**
 * Sync, because lines are rare (none is written per tick) and the last ones before a crash matter most. The price: a
 * reader of stdout that stops reading stops the process once the pipe is full, as it does with console.log.
 *
 * @param fd file descriptor to write to
 */
export function createLog(level: LogLevel, fd: number = STDOUT): ProcessLog {
  return pino(
    {
      level,
      // Whoever runs several processes adds host and pid where the lines are gathered.
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    pino.destination({ dest: fd, sync: true }),
  )
}

const ignore = () => {}

/** For users of the library who bring no log, and for tests. */
export const silentLog: ProcessLog = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  fatal: ignore,
}
