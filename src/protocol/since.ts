/**
 * The time from which a client wants ticks, as its URL or its command names it. Any thread. Pure.
 */
import { quoteValue } from '../common/quote-value.js'

export interface SinceError {
  readonly code: 'bad_since'
  readonly message: string
}

/** In ms. */
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
/** RFC 3339, with or without seconds. In a URL, a `+` that is not escaped is a space. */
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?:Z|([+\- ]\d\d:\d\d))$/
const DURATION = /^-(\d{1,10})(ms|s|m|h)$/

/**
 * @param value of a URL or a command, unchecked
 * @param nowUs the system's time, µs since the Unix epoch
 * @returns µs since the Unix epoch, not later than now
 */
export function readSince(value: unknown, nowUs: number): number | SinceError {
  const sinceUs = typeof value === 'string' ? timeUs(value, nowUs) : undefined
  if (sinceUs !== undefined && sinceUs <= nowUs) return sinceUs
  const rule =
    sinceUs === undefined
      ? 'a time such as 2024-08-08T13:30:00Z, or a time ago such as -15m or -30s'
      : 'in the past by the clock of the gateway'
  return { code: 'bad_since', message: `since must be ${rule}, got ${quoteValue(value)}` }
}

/** undefined: the text is no time. */
function timeUs(text: string, nowUs: number): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? []
  if (unit !== undefined) return nowUs - Number(count) * UNITS[unit]! * 1_000
  const [, time, zone = 'Z'] = TIME.exec(text) ?? []
  if (time === undefined) return undefined
  const ms = Date.parse(time + zone.replace(' ', '+'))
  return Number.isNaN(ms) ? undefined : ms * 1_000
}
