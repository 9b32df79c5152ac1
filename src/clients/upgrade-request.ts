/**
 * Reads what an upgrade request asks for, or says why it cannot be had. Pure; main thread.
 */
import type { IncomingMessage } from 'node:http'
import { ALL_SYMBOLS, type StreamForm } from '../protocol/audience-spec.js'
import { shown } from './client-command.js'
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

export interface Refusal {
  readonly status: 400 | 404 | 503
  readonly code: string
  /** One sentence: what is wrong and what would be right. */
  readonly message: string
}

export type UpgradeRequest =
  | {
      /** Symbols and prefixes (`BTC*`), sorted and without doubles; `*` for all. */
      readonly symbols: readonly string[]
      readonly form: StreamForm
    }
  | { readonly refusal: Refusal }

export function readUpgradeRequest(request: IncomingMessage, limits: SubscriptionLimits): UpgradeRequest {
  const url = parseTarget(request.url ?? '')
  if (url?.pathname !== STREAM_PATH) {
    return {
      refusal: {
        status: 404,
        code: 'unknown_path',
        message: `there is nothing here: connect to ${STREAM_PATH}`,
      },
    }
  }
  const refusal = checkSubprotocol(request) ?? checkNames(url.searchParams)
  if (refusal !== undefined) return { refusal }
  const symbols = readSymbols(url.searchParams, limits)
  if ('status' in symbols) return { refusal: symbols }
  const batch = readBoolean(url.searchParams, 'batch', true)
  if (typeof batch !== 'boolean') return { refusal: batch }
  return {
    symbols,
    form: { batch, encoding: ENCODINGS[chooseSubprotocol(offeredBy(request)) ?? JSON_SUBPROTOCOL] },
  }
}

function parseTarget(target: string): URL | undefined {
  // The host is not looked at; it only makes the target a whole URL.
  const whole = `http://gateway${target.startsWith('/') ? target : `/${target}`}`
  return URL.canParse(whole) ? new URL(whole) : undefined
}

function badRequest(code: string, message: string): Refusal {
  return { status: 400, code, message }
}

function offeredBy(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol']
  return header === undefined ? [] : header.split(',').map(name => name.trim())
}

function checkSubprotocol(request: IncomingMessage): Refusal | undefined {
  const offered = offeredBy(request)
  if (offered.length === 0 || chooseSubprotocol(offered) !== undefined) return undefined
  const known = Object.keys(ENCODINGS).join(' or ')
  return badRequest(
    'unknown_subprotocol',
    `offer the subprotocol ${known}, or none; got ${shown(offered.join(', '))}`,
  )
}

const PARAMETERS = ['symbols', 'batch']

function checkNames(parameters: URLSearchParams): Refusal | undefined {
  for (const name of parameters.keys()) {
    if (!PARAMETERS.includes(name)) {
      return badRequest(
        'unknown_parameter',
        `unknown parameter ${JSON.stringify(name)}: there are ${PARAMETERS.join(' and ')}`,
      )
    }
    if (parameters.getAll(name).length > 1) {
      return badRequest(
        'repeated_parameter',
        `${name} must be given once, with commas between several values`,
      )
    }
  }
  return undefined
}

function readSymbols(parameters: URLSearchParams, limits: SubscriptionLimits): readonly string[] | Refusal {
  const text = parameters.get('symbols')
  if (text === null) return [ALL_SYMBOLS]
  const symbols = [...new Set(text.split(','))].sort()
  if (symbols.includes('')) {
    return badRequest(
      'empty_symbol',
      'symbols must be names with one comma between them, for instance symbols=BTCUSDT,ETHUSDT',
    )
  }
  const [refused] = new Subscriptions(limits).add(symbols).refused
  if (refused !== undefined)
    return badRequest(refused.code, `${refused.message}, at ${shown(refused.symbol)}`)
  return symbols
}

function readBoolean(parameters: URLSearchParams, name: string, initial: boolean): boolean | Refusal {
  const text = parameters.get(name)
  if (text === null) return initial
  if (text === 'true' || text === 'false') return text === 'true'
  return badRequest(`unknown_${name}`, `${name} must be true or false, got ${JSON.stringify(text)}`)
}
