/**
 * Every code with which Ringcast closes a WebSocket, when it is sent, and whether to come back. Any thread.
 * Codes below 4000: https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1. Codes of protocol errors (1002, 1003, 1007, 1009)
 * are sent by the WebSocket library as that section says.
 */

export interface CloseCode {
  readonly code: number
  /** Sent as the close frame's reason. */
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
  tooManyRequests: {
    code: 1008,
    reason: 'too many requests',
    reconnect: false,
    when: 'The client sends messages faster than it reads the answers, or goes on sending far more than it may.',
  },
  slowConsumer: {
    code: 4008,
    reason: 'slow consumer',
    reconnect: true,
    when: 'The client has taken nothing for the write timeout.',
  },
} as const satisfies Record<string, CloseCode>
