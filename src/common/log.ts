/**
 * The log that the rest of Ringcast writes to. Any thread. How a process writes its lines is in process-log.ts.
 */

/** `details` may hold an error as `err`: its stack and its causes are then written, too. */
export interface Log {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** The log of a whole process. Only a process knows which error is fatal. */
export interface ProcessLog extends Log {
  fatal(details: object, message: string): void
}

/** From the least important to the most important; `silent` writes none. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

const ignore = () => {}

/** For a library user who passes no log, and for tests. */
export const silentLog: ProcessLog = {
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  fatal: ignore,
}
