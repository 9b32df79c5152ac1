/**
 * Says no to an upgrade request: an HTTP response with a JSON body, and the end of the connection. Main thread.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { RequestErrorCode } from '../protocol/error-codes.js'
import { type Refusal, STREAM_PATH } from './upgrade-request.js'

/** @param retryAfterS what `Retry-After` says with a 503 */
export function refuseUpgrade(socket: Duplex, { status, code, message }: Refusal, retryAfterS: number): void {
  const body = JSON.stringify({ type: 'error', code, message })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    // https://www.rfc-editor.org/rfc/rfc6455#section-4.4
    ...(code === 'bad_handshake' ? ['Sec-WebSocket-Version: 13, 8'] : []),
    ...(status === 503 ? [`Retry-After: ${retryAfterS}`] : []),
  ]
  // A client that is gone already needs no answer.
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** Answers a plain HTTP request: there are only WebSockets here. */
export function refuseRequest(response: ServerResponse): void {
  const code: RequestErrorCode<426> = 'websocket_only'
  const message = `connect with a WebSocket to ${STREAM_PATH}`
  const body = JSON.stringify({ type: 'error', code, message })
  response.writeHead(426, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    Upgrade: 'websocket',
    Connection: 'close',
  })
  response.end(body)
}
