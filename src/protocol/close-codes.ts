/**
 * Every close code: when the gateway sends the code, and whether the client should reconnect. Any thread.
 * Codes below 4000: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1. The WebSocket library sends the codes without
 * a reason, and 1008 for a message in too many fragments. asyncapi.yaml and docs/client-protocol.md repeat these texts.
 */

export interface CloseCode {
  readonly code: number
  /** The reason in the close frame. Empty: the frame has none. */
  readonly reason: string
  /** Whether the same client can reconnect unchanged. */
  readonly reconnect: boolean
  readonly when: string
}

export const CLOSE_CODES = {
  shutdown: {
    code: 1001,
    reason: 'shutting down',
    reconnect: true,
    when: 'The gateway shuts down. Until the shutdown timeout it has sent all queued ticks, and then a `goodbye`.',
  },
  maxAge: {
    code: 1001,
    reason: 'max age',
    reconnect: true,
    when: 'The connection is older than `RINGCAST_CLIENT_MAX_AGE_MS`. The gateway has sent a `goodbye` before.',
  },
  protocolError: {
    code: 1002,
    reason: '',
    reconnect: false,
    when: 'The client sent a frame that breaks the WebSocket protocol.',
  },
  invalidData: {
    code: 1007,
    reason: '',
    reconnect: false,
    when: 'The client sent text that is not UTF-8, or a compressed message that cannot be inflated.',
  },
  tooManyRequests: {
    code: 1008,
    reason: 'too many requests',
    reconnect: false,
    when: 'The client does not read its replies, or keeps sending far more messages than it may.',
  },
  messageTooLong: {
    code: 1009,
    reason: '',
    reconnect: false,
    when: 'The client sent a message that is longer than `RINGCAST_MAX_MESSAGE_BYTES`.',
  },
  internalError: {
    code: 1011,
    reason: 'internal error',
    reconnect: false,
    when: 'The gateway failed while it served this client. This is a bug; the log of the gateway tells of it.',
  },
  slowConsumer: {
    code: 4008,
    reason: 'slow consumer',
    reconnect: true,
    when: 'The client accepted no bytes for `RINGCAST_WRITE_TIMEOUT_MS`.',
  },
  operator: {
    code: 4010,
    reason: 'closed by an operator',
    reconnect: true,
    when: 'A person or program that runs the gateway has asked for it.',
  },
} as const satisfies Record<string, CloseCode>
