/** The errors that end a stream or a subscription. */

/** Has a stable `code`. */
export class RingcastError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = new.target.name
    this.code = code
  }
}

/** The gateway does not accept the token: call `setToken` with another one. */
export class UnauthorizedError extends RingcastError {}

/** The gateway ends the stream: the same client must not come back unchanged. `code` is that of the last transition. */
export class StreamClosedError extends RingcastError {}

/** The reader was too slow for the queue of a subscription with `overflow: 'close'`. */
export class OverflowError extends RingcastError {}
