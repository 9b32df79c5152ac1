/**
 * The commands of a connected client: reads one message as a command, or says in one sentence why it is none. Pure.
 */
import { quoteValue } from '../common/quote-value.js'
import { textFault } from './command-text.js'
import type { DeliveryFields } from './delivery.js'
import type { CommandErrorCode } from './error-codes.js'
import type { CommandId, ErrorMessage } from './messages.js'

interface SymbolsCommand {
  readonly id: CommandId
  /** The client's text, unchecked. At least one. */
  readonly symbols: readonly string[]
}

export type ClientCommand =
  | ({
      readonly type: 'subscribe'
      /** Where the entries go on, or the time from which they begin; unchecked. */
      readonly resume?: unknown
      readonly since?: unknown
    } & SymbolsCommand &
      DeliveryFields)
  | ({ readonly type: 'unsubscribe' } & SymbolsCommand)
  | { readonly type: 'list'; readonly id: CommandId }
  | { readonly type: 'ping'; readonly id: CommandId }
  | { readonly type: 'auth'; readonly id: CommandId | undefined; readonly token: string }

export type CommandResult = { readonly command: ClientCommand } | { readonly error: ErrorMessage }

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  subscribe: ['type', 'id', 'symbols', 'delivery', 'interval', 'snapshot', 'resume', 'since'],
  unsubscribe: ['type', 'id', 'symbols'],
  list: ['type', 'id'],
  ping: ['type', 'id'],
  auth: ['type', 'id', 'token'],
}
const TYPES = Object.keys(FIELDS).join(', ')
const ID_LENGTH_MAX = 64

/** @param text a message of any content */
export function readCommand(text: string): CommandResult {
  const fault = textFault(text)
  if (fault !== undefined) return wrong(undefined, 'malformed_json', `${fault}, got ${quoteValue(text)}`)
  const value = parse(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wrong(
      undefined,
      'malformed_json',
      `a command must be a JSON object with a type, got ${quoteValue(text)}`,
    )
  }
  const fields: Readonly<Record<string, unknown>> = { ...value }
  const { type, id, symbols, delivery, interval, snapshot, resume, since, token } = fields
  // An `auth` may go without.
  if (!isId(id) && (id !== undefined || type !== 'auth')) {
    return wrong(
      undefined,
      'bad_id',
      `id must be a whole number below 2^53 or a string of at most ${ID_LENGTH_MAX} characters, got ${quoteValue(id)}`,
    )
  }
  const known = typeof type === 'string' && Object.hasOwn(FIELDS, type) ? FIELDS[type] : undefined
  if (known === undefined)
    return wrong(id, 'unknown_type', `type must be one of ${TYPES}, got ${quoteValue(type)}`)
  const extra = Object.keys(fields).find(name => !known.includes(name))
  if (extra !== undefined) {
    return wrong(id, 'unknown_field', `${type} has the fields ${known.join(', ')}, got ${quoteValue(extra)}`)
  }
  if (type === 'auth' || id === undefined) {
    // The message does not show it: it may be a token.
    if (typeof token !== 'string') return wrong(id, 'token_malformed', 'token must be a string')
    return { command: { type: 'auth', id, token } }
  }
  if (type === 'list' || type === 'ping') return { command: { type, id } }
  if (!isSymbols(symbols)) {
    return wrong(
      id,
      'bad_symbols',
      `symbols must be a list of at least one string, got ${quoteValue(symbols)}`,
    )
  }
  if (type === 'unsubscribe') return { command: { type, id, symbols } }
  return { command: { type: 'subscribe', id, symbols, delivery, interval, snapshot, resume, since } }
}

/** The id of a message of any content; undefined when it has none. */
export function commandId(text: string): CommandId | undefined {
  const value = textFault(text) === undefined ? parse(text) : undefined
  if (typeof value !== 'object' || value === null || !('id' in value)) return undefined
  return isId(value.id) ? value.id : undefined
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function isId(value: unknown): value is CommandId {
  // A larger number has lost digits that the client sent.
  return Number.isSafeInteger(value) || (typeof value === 'string' && value.length <= ID_LENGTH_MAX)
}

function isSymbols(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every(symbol => typeof symbol === 'string')
}

function wrong(id: CommandId | undefined, code: CommandErrorCode, message: string): CommandResult {
  return { error: { type: 'error', ...(id === undefined ? {} : { id }), code, message } }
}
