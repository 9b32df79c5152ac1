/**
 * Reads an upgrade request: which stream the client wants, or why it cannot have that. Main thread. Pure.
 */
import type { IncomingMessage } from 'node:http'
import { quoteValue } from '../common/quote-value.js'
import { readTarget } from '../common/request-target.js'
import type { LagLimits } from '../fanout/recipient.js'
import type { StreamForm } from '../lane-protocol/audience-spec.js'
import type { Delivery, DeliveryFields } from '../protocol/delivery.js'
import { badRequest, isRefusal, type Refusal } from './refusal.js'
import type { StartFields } from './replay-start.js'
import { readStreamParameters } from './stream-parameters.js'
import type { SubscriptionLimits } from './subscriptions.js'

export const STREAM_PATH = '/ws/ticks'
/** The subprotocol of a client that offers none. */
const JSON_SUBPROTOCOL = 'ringcast.v1.json'
/** The encoding of messages with ticks in each subprotocol. */
const ENCODINGS = { [JSON_SUBPROTOCOL]: 'json', 'ringcast.v1.protobuf': 'protobuf' } as const

/**
 * A browser cannot send headers. It offers this subprotocol with its token, beside that of the stream; it is never chosen.
 */
export const TOKEN_SUBPROTOCOL = 'ringcast.token.'

export type Subprotocol = keyof typeof ENCODINGS

export interface StreamRequest {
  /** Entries, sorted, each once. */
  readonly symbols: readonly string[]
  readonly delivery: Delivery
  /** Of which `delivery` was read. */
  readonly deliveryFields: DeliveryFields
  /** The form of messages with ticks. The handshake decides about compression. */
  readonly form: Omit<StreamForm, 'windowBits'>
  readonly limits: LagLimits
  /** False: the client takes no compression, although its browser offers it. */
  readonly compression: boolean
  /** Where the stream begins, unchecked. */
  readonly start: StartFields
}

/** The first subprotocol that the client offers and the gateway knows. */
export function chooseSubprotocol(offered: Iterable<string>): Subprotocol | undefined {
  for (const name of offered) if (Object.hasOwn(ENCODINGS, name)) return name as Subprotocol
  return undefined
}

export function readUpgradeRequest(
  request: IncomingMessage,
  subscriptionLimits: SubscriptionLimits,
): StreamRequest | Refusal {
  const { path, query } = readTarget(request.url ?? '')
  if (path !== STREAM_PATH) {
    const message = `there is nothing here: connect to ${STREAM_PATH}`
    return { status: 404, code: 'unknown_path', message }
  }
  const refusal = bodyRefusal(request) ?? subprotocolRefusal(request)
  if (refusal !== undefined) return refusal
  const parameters = readStreamParameters(query, subscriptionLimits)
  if (isRefusal(parameters)) return parameters
  const {
    ageMsMax,
    batch,
    compression,
    delivery,
    deliveryFields,
    heartbeatMs,
    lagBytesMax,
    resume,
    since,
    stamps,
    symbols,
  } = parameters
  const encoding = ENCODINGS[chooseSubprotocol(offeredBy(request)) ?? JSON_SUBPROTOCOL]
  const form = { batch, encoding, heartbeatMs, stamps }
  return {
    symbols,
    delivery,
    deliveryFields,
    form,
    limits: { ageMsMax, lagBytesMax },
    compression,
    start: { resume, since },
  }
}

/** The subprotocols that a request offers. */
export function offeredBy(request: IncomingMessage): string[] {
  const header = request.headers['sec-websocket-protocol']
  return header === undefined ? [] : header.split(',').map(name => name.trim())
}

/** The library would read the bytes of a body as frames. */
function bodyRefusal({ headers }: IncomingMessage): Refusal | undefined {
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = headers
  if (Number(length) === 0 && encoding === undefined) return undefined
  return badRequest(
    'bad_handshake',
    'an upgrade request has no body: leave out Content-Length and Transfer-Encoding',
  )
}

function subprotocolRefusal(request: IncomingMessage): Refusal | undefined {
  // A message must not show a token.
  const offered = offeredBy(request).map(name =>
    name.startsWith(TOKEN_SUBPROTOCOL) ? `${TOKEN_SUBPROTOCOL}…` : name,
  )
  if (offered.length === 0 || chooseSubprotocol(offered) !== undefined) return undefined
  const known = Object.keys(ENCODINGS).join(' or ')
  return badRequest(
    'unknown_subprotocol',
    `offer the subprotocol ${known}, or none; got ${quoteValue(offered.join(', '))}`,
  )
}
