/**
 * Keeps the newest lines of the log for the dashboard, and passes every line on. Any thread. Lines that clients cause are
 * limited before they come here, and no line is written per tick.
 */
import { type Clock, wallUs } from '../common/clock.js'
import type { Log } from '../common/log.js'
import { EVENTS_MAX, type OverviewEvent } from './overview.js'

const DETAIL_LENGTH_MAX = 200
const DETAILS_LENGTH_MAX = 600

export interface RecentEventsDeps {
  readonly log: Log
  readonly clock: Pick<Clock, 'epochUs' | 'aheadUs'>
  /** See `OverviewEvent`. */
  readonly process: number
}

export class RecentEvents implements Log {
  private readonly deps: RecentEventsDeps
  private readonly events: OverviewEvent[] = []
  private lastId = 0

  constructor(deps: RecentEventsDeps) {
    this.deps = deps
  }

  /** The newest last. */
  get newest(): readonly OverviewEvent[] {
    return this.events
  }

  debug(details: object, message: string): void {
    this.deps.log.debug(details, message)
  }

  info(details: object, message: string): void {
    this.keep('info', details, message)
    this.deps.log.info(details, message)
  }

  warn(details: object, message: string): void {
    this.keep('warn', details, message)
    this.deps.log.warn(details, message)
  }

  error(details: object, message: string): void {
    this.keep('error', details, message)
    this.deps.log.error(details, message)
  }

  private keep(level: OverviewEvent['level'], details: object, message: string): void {
    const { clock, process } = this.deps
    this.events.push({
      process,
      id: ++this.lastId,
      atMs: Math.round(wallUs(clock) / 1000),
      level,
      message,
      details: textOf(details),
    })
    if (this.events.length > EVENTS_MAX) this.events.shift()
  }
}

function textOf(details: object): string {
  const words = Object.entries(details)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}: ${shorten(wordsOf(value), DETAIL_LENGTH_MAX)}`)
  return shorten(words.join(', '), DETAILS_LENGTH_MAX)
}

function wordsOf(value: unknown): string {
  if (value instanceof Error) return value.message
  return typeof value === 'object' ? (JSON.stringify(value) ?? '') : String(value)
}

function shorten(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text
}
