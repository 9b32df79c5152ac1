/**
 * What is negotiated about compression at the upgrade (permessage-deflate, RFC 7692). Main thread.
 * The WebSocket library negotiates, and inflates what clients send; lanes compress, never the library.
 */
import type { PerMessageDeflateOptions } from 'ws'

/**
 * No context goes from message to message: of the server's, because audiences share messages; of the client's, so that
 * a connection on which nothing is sent needs no memory for it.
 */
export const PER_MESSAGE_DEFLATE: PerMessageDeflateOptions = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  // Kept for a client that has once sent a compressed message, beside zlib's window: 13 KiB of memory in all after a short
  // command, 18 KiB with the default of 16 KiB. Commands are short.
  zlibInflateOptions: { chunkSize: 1024 },
}

/**
 * A larger window would be allowed, but a turn of ticks repeats itself sooner: 231 KB of recorded ticks as JSON become 9.4 % with 13
 * bits and 9.7 % with 15, in two thirds of the time (72 KB of protobuf 25.7 % and 25.0 %). So clients with 13, 14 and 15 bits share audiences.
 */
const WINDOW_BITS_MAX = 13
/**
 * Zlib has no window of 8 bits for raw deflate; with 9 it looks back no further than 8 bits reach:
 * https://nodejs.org/docs/latest-v20.x/api/zlib.html#zlibcreatedeflaterawoptions
 */
const WINDOW_BITS_MIN = 9

/**
 * The window that a client's messages are to be compressed with, see AudienceSpec.
 *
 * @param headers lines of the answer to the upgrade request
 */
export function negotiatedWindowBits(headers: readonly string[]): number {
  const line = headers.find(header => /^sec-websocket-extensions:.*permessage-deflate/i.test(header))
  if (line === undefined) return 0
  const [, bits = WINDOW_BITS_MAX] = /server_max_window_bits=(\d+)/.exec(line) ?? []
  return Math.min(WINDOW_BITS_MAX, Math.max(WINDOW_BITS_MIN, Number(bits)))
}
