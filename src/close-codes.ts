/**
 * Every code with which a WebSocket is closed, when it is sent, and whether to come back. Any thread.
 * Codes below 4000: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1. Those without a reason are sent by the WebSocket
 * library (ws), and so is 1008 for a message in too many fragments.
 */

export interface CloseCode {
  readonly code: number
  /** Sent as the close frame's reason; empty: none is sent. */
  readonly reason: string
  /** Whether a client that comes back can expect better. */
  readonly reconnect: boolean
  readonly when: string
}

export const CLOSE_CODES = {
  shutdown: {
    code: 1001,
    reason: 'shutting down',
    reconnect: true,
    when: 'The gateway shuts down; all that was queued has been sent, or the deadline is near.',
  },
  protocolError: {
    code: 1002,
    reason: '',
    reconnect: false,
    when: 'A frame of the client breaks the WebSocket protocol.',
  },
  invalidData: {
    code: 1007,
    reason: '',
    reconnect: false,
    when: 'A text message of the client is no UTF-8, or a compressed one cannot be inflated.',
  },
  tooManyRequests: {
    code: 1008,
    reason: 'too many requests',
    reconnect: false,
    when: 'The client sends messages faster than it reads the answers, or goes on sending far more than it may.',
  },
  messageTooLong: {
    code: 1009,
    reason: '',
    reconnect: false,
    when: 'A message of the client is longer than it may be.',
  },
  internalError: {
    code: 1011,
    reason: 'internal error',
    reconnect: false,
    when: 'Two workers in a row have failed as they answered the client: a bug of the gateway.',
  },
  slowConsumer: {
    code: 4008,
    reason: 'slow consumer',
    reconnect: true,
    when: 'The client has taken nothing for the write timeout.',
  },
} as const satisfies Record<string, CloseCode>
