/**
 * Says no to a request: an HTTP response, with a JSON body where it can be told what is wrong, and the end of the connection. Main thread.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import type { RequestErrorCode } from '../protocol/error-codes.js'
import { type Refusal, STREAM_PATH } from './upgrade-request.js'

export interface RefusalOptions {
  /** What `Retry-After` says with a 503. */
  readonly retryAfterS: number
  /** For the answer to be taken. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** Answers an upgrade request on any server, also one that has sent other answers on the connection before. */
export function refuseUpgrade(socket: Duplex, refusal: Refusal, options: RefusalOptions): void {
  if (socket.destroyed) return
  const { status, code } = refusal
  const { clock, retryAfterS, timeoutMs } = options
  const timer = clock.after(timeoutMs, () => socket.destroy())
  socket.once('close', () => timer.cancel())
  answer(socket, status, refusal, [
    // https://www.rfc-editor.org/rfc/rfc6455#section-4.4
    ...(code === 'bad_handshake' ? ['Sec-WebSocket-Version: 13, 8'] : []),
    ...(status === 503 ? [`Retry-After: ${retryAfterS}`] : []),
  ])
}

const WEBSOCKET_ONLY = {
  code: 'websocket_only' satisfies RequestErrorCode<426>,
  message: `connect with a WebSocket to ${STREAM_PATH}`,
}

/** Answers a plain HTTP request: there are only WebSockets here. */
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

/** Answers a CONNECT request like any other plain one. */
export function refuseConnect(socket: Duplex): void {
  answer(socket, 426, WEBSOCKET_ONLY, ['Upgrade: websocket'])
}

/** By the code of Node's error; what else is wrong with a request is 400. As Node answers where nobody else does. */
const STATUS_OF_ERROR: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
}

/** Answers what is no HTTP request, or one that does not come to its end. */
export function refuseBroken(socket: Duplex, error: NodeJS.ErrnoException): void {
  // The error may be that the connection has broken.
  if (!socket.writable) socket.destroy()
  else answer(socket, STATUS_OF_ERROR[error.code ?? ''] ?? 400, undefined, [])
}

/** Writes a whole response and ends the connection as soon as the kernel has it. */
function answer(
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
  // A client that is gone already needs no answer.
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function bodyOf({ code, message }: { readonly code: string; readonly message: string }): string {
  return JSON.stringify({ type: 'error', code, message })
}
