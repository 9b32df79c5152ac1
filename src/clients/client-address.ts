/**
 * The address that a client's work is charged to. Any thread. Pure.
 */

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const GROUPS_OF_NETWORK = 4
const GROUPS = 8

/**
 * One IPv4 address, or the /64 network of an IPv6 address: one customer of a provider has at least that network.
 *
 * @param remoteAddress as Node reports the peer of a TCP connection; undefined for other connections
 */
export function addressOf(remoteAddress: string | undefined): string | undefined {
  if (remoteAddress === undefined) return undefined
  const mapped = MAPPED_IPV4.exec(remoteAddress)?.[1]
  if (mapped !== undefined) return mapped
  if (!remoteAddress.includes(':')) return remoteAddress
  const [head = '', tail = ''] = remoteAddress.replace(/%.*$/, '').split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === '' ? [] : tail.split(':')
  const zeros = new Array<string>(Math.max(0, GROUPS - first.length - last.length)).fill('0')
  return [...first, ...zeros, ...last].slice(0, GROUPS_OF_NETWORK).join(':')
}
