/**
 * The one error class for "the world failed": network, config, a client or a feed that breaks the contract.
 * Any thread. Every message says what to do; `code` is stable and may be matched on.
 */

export type ErrorCode =
  | 'config_invalid'
  | 'option_invalid'
  | 'listen_failed'
  | 'feed_file_invalid'
  | 'feed_failed'
  | 'lane_failed'
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

/** For our own bugs: throws with the values that broke the invariant. The thread it happens on dies and is replaced. */
export function invariant(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(`invariant broken: ${message}`)
}
