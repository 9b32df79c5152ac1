/**
 * Compression of messages (permessage-deflate, https://www.rfc-editor.org/rfc/rfc7692): the gateway's terms. Main
 * thread. Pure. The WebSocket library negotiates, and inflates the messages of clients. Lanes compress; the library
 * never does.
 */

/**
 * No context is kept between messages. Clients of an audience share messages, so the gateway's side can have none. On
 * the client's side, a connection that sends nothing needs no memory.
 */
export const PER_MESSAGE_DEFLATE = {
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  // After its first compressed message a client keeps this buffer and zlib's window. After a short command these are
  // 13 KiB, and 18 KiB with zlib's default of 16 KiB.
  zlibInflateOptions: { chunkSize: 1024 },
}

/**
 * The largest window in use: a larger one costs more time and saves little, see
 * docs/decisions/0007-compress-once-per-audience.md. So clients that offer 13, 14 and 15 bits share audiences.
 */
const WINDOW_BITS_MAX = 13
/**
 * Zlib has no window of 8 bits for raw deflate. With 9 bits it looks back no further than 8 bits reach:
 * https://nodejs.org/docs/latest-v20.x/api/zlib.html#zlibcreatedeflaterawoptions
 */
const WINDOW_BITS_MIN = 9

/**
 * The window for compressing a client's messages, in bits. 0: the client did not offer compression.
 *
 * @param headers lines of the response to the upgrade request
 */
export function negotiatedWindowBits(headers: readonly string[]): number {
  const line = headers.find(header => /^sec-websocket-extensions:.*permessage-deflate/i.test(header))
  if (line === undefined) return 0
  const [, bits = WINDOW_BITS_MAX] = /server_max_window_bits=(\d+)/.exec(line) ?? []
  return Math.min(WINDOW_BITS_MAX, Math.max(WINDOW_BITS_MIN, Number(bits)))
}

const BITS = '"?(?:[89]|1[0-5])"?'
/** https://www.rfc-editor.org/rfc/rfc7692#section-7.1. As the library reads them: in lower case, without spaces. */
const PARAMETERS = [
  /^server_no_context_takeover$/,
  /^client_no_context_takeover$/,
  new RegExp(`^server_max_window_bits=${BITS}$`),
  new RegExp(`^client_max_window_bits(?:=${BITS})?$`),
]

/**
 * The offers of a request that the gateway may accept. A server declines an offer that it does not understand; the
 * library would refuse the whole request.
 *
 * @param header `Sec-WebSocket-Extensions` of the request
 * @returns the header without all other offers; undefined: none is left
 */
export function acceptableOffers(header: string): string | undefined {
  const offers = header.split(',').map(offer => offer.trim())
  return offers.filter(isAcceptable).join(', ') || undefined
}

function isAcceptable(offer: string): boolean {
  const [name = '', ...parameters] = offer.split(';').map(part => part.trim())
  if (name !== 'permessage-deflate') return false
  const known = parameters.map(parameter => PARAMETERS.findIndex(pattern => pattern.test(parameter)))
  return !known.includes(-1) && new Set(known).size === known.length
}
