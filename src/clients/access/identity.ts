/**
 * Who a client is and what it may have, as `authenticate` says it. Main thread. Pure.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { quoteValue } from '../../common/quote-value.js'
import { INTERVAL_MS_MAX } from '../../protocol/delivery.js'
import type { DenialCode } from '../../protocol/error-codes.js'
import { entryFault } from '../entry-fault.js'

export interface Identity {
  /** Names the user, 1 to 256 characters. Connections are counted by it. */
  readonly user: string
  /** What the client may see: symbols, prefixes (`BTC*`), or `*` for everything. None: nothing. */
  readonly symbols: readonly string[]
  /** The client may only have latest ticks, with an interval of at least so many ms, from 0 to 60,000. */
  readonly latestIntervalMs?: number | undefined
  /** Most connections of the user at a time, beside `maxClientsPerUser`. */
  readonly connectionsMax?: number | undefined
  /** Most entries of each of its clients, beside `maxSymbolsPerClient`. */
  readonly entriesMax?: number | undefined
  /** When the access ends, ms since the Unix epoch. Default: never. */
  readonly expiresMs?: number | undefined
}

/** Why a client is not let in. */
export interface AccessDenied {
  /** One sentence for the client: no secrets. */
  readonly denied: string
  /** Default `denied`. */
  readonly code?: DenialCode
}

/** What a client shows to be let in. */
export interface AccessRequest {
  /** From the header `Authorization`, the URL, the subprotocols, or a message `auth`. */
  readonly token: string | undefined
  /** The target of the request to connect, as sent. Empty when a client renews its access. */
  readonly url: string
  /** Those of the request to connect. Empty when a client renews its access. */
  readonly headers: IncomingHttpHeaders
  /** That of the client, or its network; undefined: it has none. */
  readonly address: string | undefined
  /** The identity so far of a client that renews its access. */
  readonly renews: Identity | undefined
  /** Aborted when the answer would come too late. */
  readonly signal: AbortSignal
}

/** undefined: the request shows nothing by which anybody could be known. The client may send a message `auth`. */
export type AccessAnswer = Identity | AccessDenied | undefined

export type Authenticate = (request: AccessRequest) => AccessAnswer | Promise<AccessAnswer>

/**
 * @param entries what the client has subscribed to, or wants to
 * @param client the client's name, as `subscribed` tells it
 * @returns what of it the client may see, as entries; undefined: the access is revoked, and the client is closed
 */
export type Authorize = (
  identity: Identity,
  entries: readonly string[],
  client: string,
) => readonly string[] | undefined

const USER_LENGTH_MAX = 256

/** Bounds the entries of an identity. One command to a lane must hold them. */
export interface IdentityLimits {
  readonly countMax: number
  readonly bytesMax: number
}

export function isDenied(answer: object): answer is AccessDenied {
  return 'denied' in answer
}

/** What is wrong with an identity, in one sentence; undefined when it is right. */
export function identityFault(identity: Identity, limits: IdentityLimits): string | undefined {
  const { connectionsMax, entriesMax, expiresMs, latestIntervalMs, symbols, user } = identity
  if (typeof user !== 'string' || user === '' || user.length > USER_LENGTH_MAX)
    return `the user must be a string of 1 to ${USER_LENGTH_MAX} characters`
  const fault = entriesFault(symbols, limits)
  if (fault !== undefined) return fault
  if (latestIntervalMs !== undefined && !isWhole(latestIntervalMs, 0, INTERVAL_MS_MAX))
    return `the least interval must be a whole number of ms from 0 to ${INTERVAL_MS_MAX}`
  if (connectionsMax !== undefined && !isWhole(connectionsMax, 0))
    return 'the number of connections must be a whole number from 0 on'
  if (entriesMax !== undefined && !isWhole(entriesMax, 0))
    return 'the number of entries must be a whole number from 0 on'
  if (expiresMs !== undefined && !Number.isFinite(expiresMs)) return 'the end of the access must be a number'
  return undefined
}

/** What is wrong with what a client may see, in one sentence. */
export function entriesFault(entries: readonly string[], limits: IdentityLimits): string | undefined {
  if (!Array.isArray(entries) || !entries.every(entry => typeof entry === 'string'))
    return 'the symbols must be a list of strings'
  const { bytesMax, countMax } = limits
  if (entries.length > countMax || Buffer.byteLength(JSON.stringify(entries)) > bytesMax)
    return `the symbols must be at most ${countMax}, and ${bytesMax} bytes of JSON together: use prefixes`
  for (const entry of entries) {
    const fault = entryFault(entry)
    if (fault !== undefined) return `${fault}, at ${quoteValue(entry)}`
  }
  return undefined
}

function isWhole(value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
}
