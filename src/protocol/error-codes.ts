/**
 * Every error code and its meaning. Any thread. asyncapi.yaml and docs/client-protocol.md repeat these texts.
 * `unknown_…`: a name that does not exist. `bad_…`: any other wrong value.
 */

/** Codes of a command or a request for the fields of `delivery.ts`. */
const DELIVERY_ERRORS = {
  unknown_delivery: '`delivery` must be `every` or `latest`.',
  bad_interval: '`interval` must be a whole number of ms from 0 to 60000, and needs `delivery` `latest`.',
  bad_snapshot: '`snapshot` must be `true` or `false`.',
} as const

/** Codes of a command or a request for the place from which a client wants ticks. */
const START_ERRORS = {
  bad_resume:
    '`resume` must be `<epoch>:<offset>`, and a gateway that counts offsets itself must have come so far.',
  bad_since:
    '`since` must be a time in the past, such as `2024-08-08T13:30:00Z` or `-15m`, and without `resume`.',
} as const

/** Codes of a command or a request for one entry. */
const ENTRY_ERRORS = {
  bad_symbol:
    'An entry is empty, longer than 64 bytes, not well-formed Unicode, or has a `*` before its end.',
  too_many_symbols: 'The client would have more entries, or more bytes of entries, than it may.',
} as const

/** Why the gateway does not know who a client is: codes of a refused connection, and of a message `auth`. */
const AUTH_ERRORS = {
  token_missing: 'The client shows no token.',
  token_repeated: 'The request has several different tokens.',
  token_malformed: 'The token is no JSON Web Token.',
  token_algorithm: 'The token is signed by an algorithm that the gateway does not accept.',
  token_signature: 'The signature of the token is wrong.',
  token_key_unknown: 'The token is signed with a key that the gateway does not know.',
  token_expired: 'The token has expired.',
  token_not_yet_valid: 'The token is not valid yet.',
  token_issuer: 'The token is of an issuer whom the gateway does not accept.',
  token_audience: 'The token is not meant for this gateway.',
  bad_identity:
    'The token lacks `sub` or `exp`, or says something wrong of the client. The message says what.',
  denied: 'The server does not let this client in.',
} as const

/** `code` of an `error` message. The gateway did nothing of the command. */
export const COMMAND_ERRORS = {
  malformed_json:
    'The message is not a JSON object, nests more than 4 levels, or has over 256 characters outside of strings.',
  binary_message: 'The message is binary. Commands are text.',
  bad_id: '`id` must be a whole number below 2^53 or a string of at most 64 characters.',
  unknown_type: 'No command has this `type`.',
  unknown_field: 'A command of this type has no such field.',
  bad_symbols: '`symbols` must be a list of at least one string.',
  ...DELIVERY_ERRORS,
  ...START_ERRORS,
  command_too_large: 'The reply would be too large. The message says how to split or shorten the command.',
  too_many_commands:
    'The client sent too many messages, asked for too much work, or waits for too many replies. Wait a moment.',
  overload: 'The worker of the client is too far behind to take the command. Try again later.',
  not_entitled: 'The client may not have this delivery or interval. The message says which it may have.',
  no_auth: 'The gateway asks nobody who they are, so there is nothing to renew.',
  ...AUTH_ERRORS,
  other_user: 'The token of an `auth` is of another user than the connection.',
  auth_expected: 'The first message of a client without a token must be an `auth`.',
  user_full: 'The user has as many clients as it may have.',
  no_place: 'There is no place for the client now. Try again later.',
  auth_timeout: 'The client sent no `auth` in time.',
  auth_unavailable: 'Nobody can say now who the client is. Try again later.',
  history_busy:
    'Too many clients read ticks of the past, or wait for that. Try again after `retryAfterMs`, or without `resume` and `since`.',
} as const

/** `code` of one entry under `refused` in a reply. The gateway did the other entries. */
export const SYMBOL_ERRORS = {
  ...ENTRY_ERRORS,
  too_many_intervals: 'The client already has 8 different intervals.',
  subscriptions_full:
    'All clients together, or those of your address, have as many entries as they may. Try again later.',
  not_subscribed: 'The client has no such entry.',
  not_entitled: 'The client may see nothing of this entry.',
} as const

/** `code` in the body of a response that refuses a request, by HTTP status. */
export const REQUEST_ERRORS = {
  400: {
    unknown_parameter: 'The URL has a parameter that does not exist.',
    repeated_parameter: 'The URL has the same parameter twice.',
    ...ENTRY_ERRORS,
    ...DELIVERY_ERRORS,
    bad_batch: '`batch` must be `true` or `false`.',
    bad_stamps: '`stamps` must be `true` or `false`.',
    bad_compression: '`compression` must be `true` or `false`.',
    bad_max_age_ms: '`maxAgeMs` must be a whole number from 1 to 2^53 − 1.',
    bad_max_lag_bytes: '`maxLagBytes` must be a whole number from 1 to 2^53 − 1.',
    bad_heartbeat: '`heartbeat` must be a whole number of ms from 1000 to 60000.',
    ...START_ERRORS,
    unknown_subprotocol: 'The client offers subprotocols, but none that the gateway knows.',
    bad_handshake: 'The request is not a WebSocket handshake of version 13 or 8, or it has a body.',
  },
  401: AUTH_ERRORS,
  403: {
    not_entitled: 'The client may not have what its URL asks for. The message says what it may have.',
    origin_not_allowed: 'The page from which the client comes may not connect.',
  },
  404: { unknown_path: 'Nothing is served at this path.' },
  426: { websocket_only: 'The request does not ask for a WebSocket.' },
  429: {
    too_many_requests:
      'This address, or all clients together, sent more requests and commands than they may. Try again later.',
    address_full: 'This address has as many clients as it may have.',
    user_full: 'The user has as many clients as it may have.',
  },
  500: {
    internal:
      'The gateway failed while it handled the request. This is a bug; the log of the gateway tells of it.',
  },
  503: {
    limit: 'The gateway has as many clients as it may have.',
    subscriptions_full:
      'All clients together, or those of your address, would have more entries than they may.',
    overload: 'All workers are too far behind to accept a client.',
    too_many_connections: 'More clients connect than the gateway lets in within ten seconds.',
    draining: 'The server is shutting down.',
    history_busy: 'Too many clients read ticks of the past, or wait for that. Try again later.',
    feed_unknown: 'The gateway has not got the schema of its feed yet. Try again later.',
    auth_unavailable: 'Nobody can say now who the client is. Try again later.',
  },
} as const

/** Why a client is not let in: 401, or for want of an answer 503. */
export type DenialCode = keyof typeof AUTH_ERRORS | 'auth_unavailable'
export type DeliveryErrorCode = keyof typeof DELIVERY_ERRORS
export type CommandErrorCode = keyof typeof COMMAND_ERRORS
export type SymbolErrorCode = keyof typeof SYMBOL_ERRORS
export type RequestErrorCode<Status extends keyof typeof REQUEST_ERRORS> =
  keyof (typeof REQUEST_ERRORS)[Status]
