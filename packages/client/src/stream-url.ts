/** The URL of a connection: what the caller gave, and what the client adds. */
import type { UrlPart } from './entries.js'
import { EVERY } from './entry.js'
import { positionText } from './position.js'

/** What the client says itself, by URL or by command. */
const OWN_PARAMETERS = [
  'symbols',
  'delivery',
  'interval',
  'snapshot',
  'resume',
  'since',
  'batch',
  'heartbeat',
  'stamps',
]

/** Throws if the URL is none, or names what the client says itself. */
export function checkUrl(url: string | URL): URL {
  const checked = new URL(url)
  if (!['ws:', 'wss:'].includes(checked.protocol))
    throw new TypeError(`the URL must begin with ws:// or wss://, got ${checked.protocol}//`)
  const own = OWN_PARAMETERS.find(name => checked.searchParams.has(name))
  if (own !== undefined) throw new TypeError(`pass "${own}" as an option, not in the URL`)
  return checked
}

/** @param part entries that are named in the URL; undefined: none, all follow by commands */
export function streamUrl(url: URL, heartbeatMs: number, stamps: boolean, part: UrlPart | undefined): string {
  const rank = part?.rank ?? EVERY
  const values = {
    symbols: part?.entries.map(({ name }) => name).join(',') ?? '',
    delivery: rank !== EVERY && 'latest',
    interval: rank !== EVERY && `${rank}`,
    resume: part && positionText(part.position),
    heartbeat: heartbeatMs > 0 && heartbeatMs,
    stamps,
  }
  // An empty list of symbols is said: without one, the gateway sends all. URLSearchParams would write a space as a plus,
  // which the gateway refuses.
  const query = Object.entries(values)
    .flatMap(([name, value]) => (value || value === '' ? `${name}=${encodeURIComponent(value)}` : []))
    .join('&')
  const result = new URL(url)
  result.search += result.search && '&'
  result.search += query
  return result.href
}
