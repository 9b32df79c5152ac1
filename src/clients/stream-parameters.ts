/**
 * The parameters of the URL that a client connects to. Main thread. Pure. docs/client-protocol.md explains each.
 */
import { quoteValue } from '../common/quote-value.js'
import { NO_LIMITS } from '../fanout/recipient.js'
import { ALL_SYMBOLS } from '../lane-protocol/audience-spec.js'
import { type Delivery, type DeliveryFields, EVERY_TICK, readDelivery } from '../protocol/delivery.js'
import type { RequestErrorCode } from '../protocol/error-codes.js'
import { type QueryValue, readQuery } from './query-parameters.js'
import { badRequest, isRefusal, type Refusal } from './refusal.js'
import { type SubscriptionLimits, Subscriptions } from './subscriptions.js'

/** The parameter that may hold a token. Here nobody looks at it. */
export const TOKEN_PARAMETER = 'token'

/** In the order in which an error message lists them. */
const NAMES = [
  'symbols',
  'delivery',
  'interval',
  'snapshot',
  'resume',
  'since',
  'batch',
  'stamps',
  'compression',
  'maxAgeMs',
  'maxLagBytes',
  'heartbeat',
  TOKEN_PARAMETER,
] as const

type Values = ReadonlyMap<string, QueryValue>

/** Reads each field of `StreamParameters`, in the order in which mistakes are reported. */
const READERS = {
  symbols: readSymbols,
  deliveryFields,
  delivery: readDeliveryParameters,
  batch: booleanReader('batch', 'bad_batch', true),
  stamps: booleanReader('stamps', 'bad_stamps', false),
  compression: booleanReader('compression', 'bad_compression', true),
  ageMsMax: limitReader('maxAgeMs', 'bad_max_age_ms', NO_LIMITS.ageMsMax),
  lagBytesMax: limitReader('maxLagBytes', 'bad_max_lag_bytes', NO_LIMITS.lagBytesMax),
  heartbeatMs: readHeartbeat,
  resume: textReader('resume'),
  since: textReader('since'),
}

export type StreamParameters = {
  readonly [Field in keyof typeof READERS]: Exclude<ReturnType<(typeof READERS)[Field]>, Refusal>
}

export function readStreamParameters(query: string, limits: SubscriptionLimits): StreamParameters | Refusal {
  const values = readQuery(query, NAMES)
  if (isRefusal(values)) return values
  const fields: Record<string, unknown> = {}
  for (const [field, read] of Object.entries(READERS)) {
    const value = read(values, limits)
    if (isRefusal(value)) return value
    fields[field] = value
  }
  return fields as unknown as StreamParameters
}

/** The entries, sorted, each once. */
function readSymbols(values: Values, limits: SubscriptionLimits): readonly string[] | Refusal {
  const value = values.get('symbols')
  if (value === undefined) return [ALL_SYMBOLS]
  if (!value.isDecoded) {
    return badRequest(
      'bad_symbol',
      `symbols must be percent-encoded UTF-8, for instance symbols=%E2%82%AC for a euro sign, got ${quoteValue(value.text)}`,
    )
  }
  // A client that subscribes by commands.
  if (value.text === '') return []
  if (value.hasPlus) {
    return badRequest('bad_symbol', 'symbols must have %2B for a plus and %20 for a space, and no +')
  }
  const symbols = [...new Set(value.text.split(','))].sort()
  if (symbols.includes('')) {
    return badRequest(
      'bad_symbol',
      'symbols must be names with one comma between them, for instance symbols=BTCUSDT,ETHUSDT',
    )
  }
  const padded = symbols.find(symbol => symbol.startsWith(' ') || symbol.endsWith(' '))
  if (padded !== undefined) {
    return badRequest(
      'bad_symbol',
      `symbols must have no space beside a comma, got ${quoteValue(padded)}; a name that has one is subscribed by a command`,
    )
  }
  const [refused] = new Subscriptions(limits).add(symbols, null).refused
  if (refused === undefined) return symbols
  const code = refused.code === 'too_many_symbols' ? refused.code : 'bad_symbol'
  return badRequest(code, `${refused.message}, at ${quoteValue(refused.symbol)}`)
}

function deliveryFields(values: Values): DeliveryFields {
  const snapshot = values.get('snapshot')?.text
  return {
    delivery: values.get('delivery')?.text,
    interval: numberOrText(values.get('interval')?.text),
    snapshot: isBooleanText(snapshot) ? snapshot === 'true' : snapshot,
  }
}

/** Holds for the entries of the URL, and for commands that say nothing about delivery. */
function readDeliveryParameters(values: Values): Delivery | Refusal {
  const delivery = readDelivery(deliveryFields(values), EVERY_TICK)
  return 'code' in delivery ? badRequest(delivery.code, delivery.message) : delivery
}

function booleanReader(name: string, code: RequestErrorCode<400>, initial: boolean) {
  return (values: Values): boolean | Refusal => {
    const text = values.get(name)?.text
    if (text === undefined) return initial
    if (isBooleanText(text)) return text === 'true'
    return badRequest(code, `${name} must be true or false, got ${quoteValue(text)}`)
  }
}

function limitReader(name: string, code: RequestErrorCode<400>, initial: number) {
  return (values: Values): number | Refusal => {
    const given = numberOrText(values.get(name)?.text)
    if (given === undefined) return initial
    const max = Number.MAX_SAFE_INTEGER
    if (typeof given === 'number' && given >= 1 && given <= max) return given
    return badRequest(code, `${name} must be a whole number from 1 to ${max}, got ${quoteValue(given)}`)
  }
}

/** The bounds of `heartbeat`, ms. */
const HEARTBEAT_MS_MIN = 1_000
const HEARTBEAT_MS_MAX = 60_000

/** 0: no heartbeats. */
function readHeartbeat(values: Values): number | Refusal {
  const given = numberOrText(values.get('heartbeat')?.text)
  if (given === undefined) return 0
  if (typeof given === 'number' && given >= HEARTBEAT_MS_MIN && given <= HEARTBEAT_MS_MAX) return given
  const rule = `a whole number of ms from ${HEARTBEAT_MS_MIN} to ${HEARTBEAT_MS_MAX}`
  return badRequest('bad_heartbeat', `heartbeat must be ${rule}, got ${quoteValue(given)}`)
}

/** The text as it is: what is right depends on the stream, see replay-start.ts. */
function textReader(name: string) {
  return (values: Values): string | undefined => values.get(name)?.text
}

function numberOrText(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : text
}

function isBooleanText(text: string | undefined): boolean {
  return text === 'true' || text === 'false'
}
