/**
 * Reads what an upgrade request asks for, or says why it cannot be had. Pure; main thread.
 */
import type { IncomingMessage } from 'node:http'
import { quoteValue } from '../common/quote-value.js'
import { readTarget } from '../common/request-target.js'
import { type LagLimits, NO_LIMITS } from '../fanout/recipient.js'
import { ALL_SYMBOLS, type StreamForm } from '../lane-protocol/audience-spec.js'
import { type Delivery, EVERY_TICK, readDelivery } from '../protocol/delivery.js'
import type { RequestErrorCode } from '../protocol/error-codes.js'
import { type SubscriptionLimits, Subscriptions } from './subscriptions.js'

export const STREAM_PATH = '/ws/ticks'
/** The subprotocol of JSON messages: also what a client gets that names none. */
const JSON_SUBPROTOCOL = 'ringcast.v1.json'

/** The subprotocols, and how `ticks` messages are encoded in each. */
const ENCODINGS = { [JSON_SUBPROTOCOL]: 'json', 'ringcast.v1.protobuf': 'protobuf' } as const

export type Subprotocol = keyof typeof ENCODINGS

/** The first that is offered and known. */
export function chooseSubprotocol(offered: Iterable<string>): Subprotocol | undefined {
  for (const name of offered) if (Object.hasOwn(ENCODINGS, name)) return name as Subprotocol
  return undefined
}

export type Refusal = RefusalOf<400> | RefusalOf<404> | RefusalOf<500> | RefusalOf<503>

interface RefusalOf<Status extends 400 | 404 | 500 | 503> {
  readonly status: Status
  readonly code: RequestErrorCode<Status>
  /** One sentence: what is wrong and what would be right. */
  readonly message: string
}

/** What a request itself says about the form of the stream. */
export type AskedForm = Omit<StreamForm, 'windowBits'>

export interface StreamRequest {
  /** Symbols and prefixes (`BTC*`), sorted and without doubles; `*` for all. */
  readonly symbols: readonly string[]
  /** Of these symbols, and of later ones for which nothing is said. */
  readonly delivery: Delivery
  readonly form: AskedForm
  readonly limits: LagLimits
  /** After which tick of which run of the process it goes on; undefined: from now on. */
  readonly resume: { readonly epoch: string; readonly offset: number } | undefined
}

export function readUpgradeRequest(
  request: IncomingMessage,
  limits: SubscriptionLimits,
): StreamRequest | { readonly refusal: Refusal } {
  const { path, query } = readTarget(request.url ?? '')
  if (path !== STREAM_PATH) {
    return {
      refusal: {
        status: 404,
        code: 'unknown_path',
        message: `there is nothing here: connect to ${STREAM_PATH}`,
      },
    }
  }
  const refusal = checkBody(request) ?? checkSubprotocol(request)
  if (refusal !== undefined) return { refusal }
  const parameters = readParameters(query)
  if ('status' in parameters) return { refusal: parameters }
  const symbols = readSymbols(parameters, limits)
  if ('status' in symbols) return { refusal: symbols }
  const delivery = readDelivery(
    {
      delivery: parameters.get('delivery')?.text,
      interval: numberOr(parameters.get('interval')?.text),
      snapshot: booleanOr(parameters.get('snapshot')?.text),
    },
    EVERY_TICK,
  )
  if ('code' in delivery) return { refusal: badRequest(delivery.code, delivery.message) }
  const batch = readBoolean(parameters, 'batch', 'bad_batch', true)
  if (typeof batch !== 'boolean') return { refusal: batch }
  const stamps = readBoolean(parameters, 'stamps', 'bad_stamps', false)
  if (typeof stamps !== 'boolean') return { refusal: stamps }
  const ageMsMax = readLimit(parameters, 'maxAgeMs', 'bad_max_age_ms', NO_LIMITS.ageMsMax)
  if (typeof ageMsMax !== 'number') return { refusal: ageMsMax }
  const lagBytesMax = readLimit(parameters, 'maxLagBytes', 'bad_max_lag_bytes', NO_LIMITS.lagBytesMax)
  if (typeof lagBytesMax !== 'number') return { refusal: lagBytesMax }
  const resume = readResume(parameters)
  if (resume !== undefined && 'status' in resume) return { refusal: resume }
  const encoding = ENCODINGS[chooseSubprotocol(offeredBy(request)) ?? JSON_SUBPROTOCOL]
  return { symbols, delivery, form: { batch, encoding, stamps }, limits: { ageMsMax, lagBytesMax }, resume }
}

function badRequest(code: RequestErrorCode<400>, message: string): Refusal {
  return { status: 400, code, message }
}

function offeredBy(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol']
  return header === undefined ? [] : header.split(',').map(name => name.trim())
}

/** The bytes of a body would be read as frames. */
function checkBody({ headers }: IncomingMessage): Refusal | undefined {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers
  if (Number(length) === 0 && encoding === undefined) return undefined
  return badRequest(
    'bad_handshake',
    'an upgrade request has no body: leave out Content-Length and Transfer-Encoding',
  )
}

function checkSubprotocol(request: IncomingMessage): Refusal | undefined {
  const offered = offeredBy(request)
  if (offered.length === 0 || chooseSubprotocol(offered) !== undefined) return undefined
  const known = Object.keys(ENCODINGS).join(' or ')
  return badRequest(
    'unknown_subprotocol',
    `offer the subprotocol ${known}, or none; got ${quoteValue(offered.join(', '))}`,
  )
}

const PARAMETERS = [
  'symbols',
  'delivery',
  'interval',
  'snapshot',
  'resume',
  'batch',
  'stamps',
  'maxAgeMs',
  'maxLagBytes',
]

/** A name or a value in the query. */
interface QueryText {
  readonly text: string
  /** Otherwise the text is as it was sent. */
  readonly isDecoded: boolean
}

type Parameters = ReadonlyMap<string, QueryText>

function readParameters(query: string): Parameters | Refusal {
  const parameters = new Map<string, QueryText>()
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decoded(equals < 0 ? pair : pair.slice(0, equals)).text
    if (!PARAMETERS.includes(name)) {
      return badRequest(
        'unknown_parameter',
        `unknown parameter ${quoteValue(name)}: there are ${PARAMETERS.join(', ')}`,
      )
    }
    if (parameters.has(name)) {
      const values = name === 'symbols' ? ', with commas between several values' : ''
      return badRequest('repeated_parameter', `${name} must be given once${values}`)
    }
    parameters.set(name, decoded(equals < 0 ? '' : pair.slice(equals + 1)))
  }
  return parameters
}

/**
 * From percent-encoded UTF-8, with `+` for a space. Not URLSearchParams: it puts U+FFFD in place of bytes that are no UTF-8, leaves a
 * percent sign that escapes nothing, and so would make another symbol of this one.
 */
function decoded(encoded: string): QueryText {
  // A `#` begins a fragment, which is not sent.
  if (encoded.includes('#')) return { text: encoded, isDecoded: false }
  try {
    return { text: decodeURIComponent(encoded.replaceAll('+', ' ')), isDecoded: true }
  } catch {
    return { text: encoded, isDecoded: false }
  }
}

function readSymbols(parameters: Parameters, limits: SubscriptionLimits): readonly string[] | Refusal {
  const value = parameters.get('symbols')
  if (value === undefined) return [ALL_SYMBOLS]
  if (!value.isDecoded) {
    return badRequest(
      'bad_symbol',
      `symbols must be percent-encoded UTF-8, for instance symbols=%E2%82%AC for a euro sign, got ${quoteValue(value.text)}`,
    )
  }
  const symbols = [...new Set(value.text.split(','))].sort()
  if (symbols.includes('')) {
    return badRequest(
      'bad_symbol',
      'symbols must be names with one comma between them, for instance symbols=BTCUSDT,ETHUSDT',
    )
  }
  const [refused] = new Subscriptions(limits).add(symbols, null).refused
  if (refused === undefined) return symbols
  const code = refused.code === 'too_many_symbols' ? refused.code : 'bad_symbol'
  return badRequest(code, `${refused.message}, at ${quoteValue(refused.symbol)}`)
}

function readBoolean(
  parameters: Parameters,
  name: string,
  code: RequestErrorCode<400>,
  initial: boolean,
): boolean | Refusal {
  const text = parameters.get(name)?.text
  if (text === undefined) return initial
  if (text === 'true' || text === 'false') return text === 'true'
  return badRequest(code, `${name} must be true or false, got ${quoteValue(text)}`)
}

function readLimit(
  parameters: Parameters,
  name: string,
  code: RequestErrorCode<400>,
  initial: number,
): number | Refusal {
  const given = numberOr(parameters.get(name)?.text)
  if (given === undefined) return initial
  const max = Number.MAX_SAFE_INTEGER
  if (typeof given === 'number' && given >= 1 && given <= max) return given
  return badRequest(code, `${name} must be a whole number from 1 to ${max}, got ${quoteValue(given)}`)
}

function readResume(parameters: Parameters): StreamRequest['resume'] | Refusal {
  const text = parameters.get('resume')?.text
  if (text === undefined) return undefined
  const [, epoch, digits] = /^([\w-]+):(\d{1,16})$/.exec(text) ?? []
  const offset = Number(digits)
  if (epoch !== undefined && offset <= Number.MAX_SAFE_INTEGER) return { epoch, offset }
  const example = 'the epoch of subscribed and the last offset that came, for instance k3Xh_9aB:815'
  return badRequest('bad_resume', `resume must be ${example}, got ${quoteValue(text)}`)
}

/** The number that the text stands for, or else the text. */
function numberOr(text: string | undefined): number | string | undefined {
  if (text === undefined) return undefined
  return /^\d+$/.test(text) ? Number(text) : text
}

/** The boolean that the text stands for, or else the text. */
function booleanOr(text: string | undefined): boolean | string | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  return text
}
