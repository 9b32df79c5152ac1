/**
 * Finds the address of a client behind proxies. Main thread.
 * A header is believed only as far as trusted proxies have written it: from its end on, up to the first address that is
 * no proxy. What stands before may be the client's own invention.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { UNIX_SOCKET } from '../common/proxy-address.js'

export type ProxyHeader = 'x-forwarded-for' | 'forwarded'

export class TrustedProxies {
  private readonly header: ProxyHeader
  private readonly list = new BlockList()
  private readonly trustsUnixSockets: boolean
  private readonly isEmpty: boolean

  /** @param proxies of which `isProxy` holds */
  constructor(proxies: readonly string[], header: ProxyHeader) {
    this.header = header
    this.isEmpty = proxies.length === 0
    this.trustsUnixSockets = proxies.includes(UNIX_SOCKET)
    for (const proxy of proxies) {
      if (proxy === UNIX_SOCKET) continue
      const [address = '', bits] = proxy.split('/')
      const type = isIP(address) === 4 ? 'ipv4' : 'ipv6'
      if (bits === undefined) this.list.addAddress(address, type)
      else this.list.addSubnet(address, Number(bits), type)
    }
  }

  /** @param peer address of the connection; undefined: it has none */
  clientOf(peer: string | undefined, headers: IncomingHttpHeaders): string | undefined {
    if (this.isEmpty || !this.trusts(peer)) return peer
    const value = headers[this.header]
    const hops = typeof value === 'string' ? this.hopsOf(value) : []
    let client = peer
    for (const hop of hops.reverse()) {
      const version = isIP(hop)
      // `unknown`, or a name: the last proxy is all that is known.
      if (version === 0) return client
      client = hop
      if (!this.trusts(hop)) return client
    }
    return client
  }

  /** @param address of a connection; undefined: it has none */
  trusts(address: string | undefined): boolean {
    if (address === undefined) return this.trustsUnixSockets
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
    const version = isIP(plain)
    return version !== 0 && this.list.check(plain, version === 4 ? 'ipv4' : 'ipv6')
  }

  /** The addresses of a header, without ports. */
  private hopsOf(value: string): string[] {
    const parts = value.split(',').map(part => part.trim())
    if (this.header === 'x-forwarded-for') return parts.map(withoutPort)
    return parts.map(part => withoutPort(/(?:^|;)\s*for\s*=\s*"?([^";]*)/i.exec(part)?.[1] ?? ''))
  }
}

/** `[::1]:80` and `192.0.2.1:80` with and without brackets and port. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1]
  if (bracketed !== undefined) return bracketed
  return text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
}
