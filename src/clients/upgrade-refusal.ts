/**
 * Refuses requests: writes an HTTP response with the reason as JSON, and ends the connection. Main thread.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import type { RequestErrorCode } from '../protocol/error-codes.js'
import type { Refusal } from './refusal.js'
import { STREAM_PATH } from './upgrade-request.js'

export interface RefusalOptions {
  /** For the `Retry-After` of a 429 or 503. */
  readonly retryAfterS: () => number
  /** The connection is cut when the client has not taken the response by then. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Refuses an upgrade request on any server, also behind other responses on the same connection. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal, options: RefusalOptions): void {
  if (socket.destroyed) return
  const { status, code } = refusal
  const { clock, retryAfterS, timeoutMs } = options
  const timer = clock.after(timeoutMs, () => socket.destroy())
  socket.once('close', () => timer.cancel())
  respond(socket, status, refusal, [
    // https://www.rfc-editor.org/rfc/rfc6455#section-4.4
    ...(code === 'bad_handshake' ? ['Sec-WebSocket-Version: 13, 8'] : []),
    // https://www.rfc-editor.org/rfc/rfc6750#section-3
    ...(status === 401
      ? [`WWW-Authenticate: Bearer${code === 'token_missing' ? '' : ' error="invalid_token"'}`]
      : []),
    ...(status === 429 || status === 503 ? [`Retry-After: ${retryAfterS()}`] : []),
  ])
}

const WEBSOCKET_ONLY = {
  code: 'websocket_only' satisfies RequestErrorCode<426>,
  message: `connect with a WebSocket to ${STREAM_PATH}`,
}

/** Refuses a plain HTTP request. */
export function refuseRequest(response: ServerResponse): void {
  const body = bodyOf(WEBSOCKET_ONLY)
  response.writeHead(426, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Upgrade: 'websocket',
    Connection: 'close',
  })
  response.end(body)
}

/** Refuses a CONNECT request. */
export function refuseConnect(socket: Duplex): void {
  respond(socket, 426, WEBSOCKET_ONLY, ['Upgrade: websocket'])
}

/** The status for each error of Node's HTTP parser that Node itself does not answer by 400. */
const STATUS_OF_ERROR: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
}

/** Refuses bytes that are not HTTP, and a request that is too long or late. */
export function refuseBroken(socket: Duplex, error: NodeJS.ErrnoException): void {
  // The error may be that the connection has broken.
  if (!socket.writable) socket.destroy()
  else respond(socket, STATUS_OF_ERROR[error.code ?? ''] ?? 400, undefined, [])
}

/** Writes a whole response, and ends the connection as soon as the kernel has the response. */
function respond(
  socket: Duplex,
  status: number,
  error: { readonly code: string; readonly message: string } | undefined,
  headers: readonly string[],
): void {
  const body = error === undefined ? '' : bodyOf(error)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    ...(error === undefined ? [] : ['Content-Type: application/json']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ]
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function bodyOf({ code, message }: { readonly code: string; readonly message: string }): string {
  return JSON.stringify({ type: 'error', code, message })
}
