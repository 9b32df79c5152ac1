/**
 * Every code with which a client is told that something cannot be done, and what it means. Any thread.
 * `unknown_…` is a name that there is not, `bad_…` any other value that is wrong; asyncapi.yaml says the same, word for word.
 */

/** Of a command or a request, for how its ticks are to be delivered. */
const DELIVERY_ERRORS = {
  unknown_delivery: '`delivery` is neither `every` nor `latest`.',
  bad_interval: '`interval` is no whole number of ms from 0 to 60000, or is not with `latest`.',
  bad_snapshot: '`snapshot` is not true or false.',
} as const

/** Of an entry of a command or a request. */
const ENTRY_ERRORS = {
  bad_symbol: 'An entry is empty, longer than 64 bytes, or has a `*` that is not at its end.',
  too_many_symbols: 'The client would have more entries than it may, or more bytes of them.',
} as const

/** `code` of an `error` message: nothing of the command was done. */
export const COMMAND_ERRORS = {
  malformed_json: 'The message is no JSON object.',
  binary_message: 'The message is binary.',
  bad_id: '`id` is neither a whole number below 2^53 nor a string of at most 64 characters.',
  unknown_type: 'There is no such `type` of command.',
  unknown_field: 'A command of this type has no such field.',
  bad_symbols: '`symbols` is no list of at least one string.',
  ...DELIVERY_ERRORS,
  command_too_large:
    'The answer would be too large; the message says how many entries the command may have: split it.',
  too_many_commands:
    'More messages in a second, or more unanswered at a time, than there may be: wait a moment.',
  overload: 'The gateway is too far behind the feed to take the command: try again later.',
} as const

/** `code` of one entry under `refused` in an answer: the others were done. */
export const SYMBOL_ERRORS = {
  ...ENTRY_ERRORS,
  too_many_intervals: 'The client has 8 different intervals already.',
  not_subscribed: 'The client has no such entry to unsubscribe from.',
} as const

/** `code` in the body of a response that refuses a request, by its status. */
export const REQUEST_ERRORS = {
  400: {
    unknown_parameter: 'There is no such parameter in the URL.',
    repeated_parameter: 'A parameter is given twice.',
    ...ENTRY_ERRORS,
    ...DELIVERY_ERRORS,
    bad_batch: '`batch` is not true or false.',
    bad_stamps: '`stamps` is not true or false.',
    bad_max_age_ms: '`maxAgeMs` is no whole number from 1 to 2^53 − 1.',
    bad_max_lag_bytes: '`maxLagBytes` is no whole number from 1 to 2^53 − 1.',
    bad_resume: '`resume` is not `<epoch>:<offset>`, or the offset is yet to come.',
    unknown_subprotocol: 'None of the subprotocols that are offered is known.',
    bad_handshake: 'The request is no WebSocket handshake of version 13 or 8.',
  },
  404: { unknown_path: 'There is nothing at this path.' },
  426: { websocket_only: 'The request asks for no upgrade.' },
  503: {
    limit: 'All places are taken.',
    overload: 'The gateway is too far behind the feed to take one more client.',
    draining: 'The handler is shutting down.',
  },
} as const

export type DeliveryErrorCode = keyof typeof DELIVERY_ERRORS
export type CommandErrorCode = keyof typeof COMMAND_ERRORS
export type SymbolErrorCode = keyof typeof SYMBOL_ERRORS
export type RequestErrorCode<Status extends keyof typeof REQUEST_ERRORS> =
  keyof (typeof REQUEST_ERRORS)[Status]
