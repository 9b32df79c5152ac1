/**
 * The error class for failures outside our code: the network, the config, a client or feed that breaks the contract.
 * Any thread. Every message says what to do. A `code` is stable: users may compare it.
 */

export type ErrorCode =
  | 'config_invalid'
  | 'option_invalid'
  | 'listen_failed'
  | 'feed_file_invalid'
  | 'feed_failed'
  | 'feed_unreachable'
  | 'admin_unreachable'
  | 'schema_invalid'
  | 'lane_failed'
  | 'process_failed'
  | 'tick_invalid'
  | 'source_attached'
  | 'handler_stopped'

export class RingcastError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RingcastError'
    this.code = code
  }
}

/** For bugs of ours. A worker thread that throws dies and is replaced. `message` holds the values. */
export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(`invariant broken: ${message}`)
}
