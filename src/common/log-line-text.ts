/**
 * Writes one line of the log as text for people. Any thread. Pure.
 * A line stays one line whatever others have put into it: invisible characters are escaped. Only the stack of an error
 * takes further lines, which are indented.
 */
import { quoteUnlessPlain, visibleText } from './quote-value.js'

/** A line as pino writes it in JSON. */
export interface LogLine {
  readonly level: string
  /** ISO 8601. */
  readonly time: string
  readonly msg?: string
  readonly err?: { readonly message?: unknown; readonly stack?: unknown }
  readonly [detail: string]: unknown
}

const RED = 31
const YELLOW = 33
const COLOURS: Readonly<Record<string, number>> = { fatal: RED, error: RED, warn: YELLOW }
const LEVEL_WIDTH = 5
/** Of an ISO time: without the date and the zone. */
const TIME_START = 'YYYY-MM-DDT'.length
const TIME_END = TIME_START + 'hh:mm:ss.sss'.length
/** What is written beyond message, level and time needs a mark that no message has. */
const SEPARATOR = '  '

export function logLineText(
  { err, level, msg = '', time, ...details }: LogLine,
  hasColours: boolean,
): string {
  const name = level.toUpperCase().padEnd(LEVEL_WIDTH)
  const colour = COLOURS[level]
  const head = hasColours && colour !== undefined ? `\x1b[${colour}m${name}\x1b[39m` : name
  const pairs = Object.entries(details)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${SEPARATOR}${visibleText(key)}=${valueText(value)}`)
  return `${time.slice(TIME_START, TIME_END)} ${head} ${visibleText(msg)}${pairs.join('')}\n${errorText(err)}`
}

function valueText(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'string') return visibleText(JSON.stringify(value))
  // A value with a space would look like the beginning of the next one.
  return /^[^\s"=]+$/.test(value) ? quoteUnlessPlain(value) : visibleText(JSON.stringify(value))
}

function errorText(err: LogLine['err']): string {
  if (err === undefined || err === null) return ''
  const text = typeof err.stack === 'string' ? err.stack : String(err.message)
  return text
    .split('\n')
    .map(line => `    ${visibleText(line)}\n`)
    .join('')
}
