/**
 * The addresses of proxies, as settings name them. Any thread. Pure.
 */
import { isIP } from 'node:net'

/** In place of an address: the peers of a Unix socket, which have none. */
export const UNIX_SOCKET = 'unix'

/** Whether `text` is an address, a network such as 10.0.0.0/8, or `unix`. */
export function isProxy(text: string): boolean {
  if (text === UNIX_SOCKET) return true
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}
