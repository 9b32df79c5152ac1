/**
 * Reads the header of the PROXY protocol, which a proxy puts before what a client sends. Any thread. Pure.
 * Both versions: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
 *
 *   version 2   0             12           13           14       16
 *               +-------------+------------+------------+--------+-----------------------------------------------+
 *               | signature   | 2, command | family     | length | source, destination, two ports, then anything |
 *               +-------------+------------+------------+--------+-----------------------------------------------+
 */
import { isIP } from 'node:net'

export interface ProxyHeader {
  /** Of the client; undefined: the proxy speaks for itself, or does not know. */
  readonly address: string | undefined
  /** Bytes of the header. The rest is the client's. */
  readonly length: number
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const FIXED_BYTES = 16
/** Addresses, and as much beside them as no proxy sends. */
const LENGTH_MAX = 2048
const LOCAL = 0x20
const PROXY = 0x21
const IPV4 = 1
const IPV6 = 2
const FAMILY_MAX = 3

/** With its line end, by the specification. */
const LINE_BYTES_MAX = 107
const LINE_START = 'PROXY '

/** @returns 'more': the header is not complete; 'none': the bytes begin with no header */
export function readProxyHeader(bytes: Buffer): ProxyHeader | 'more' | 'none' {
  const begin = (text: Uint8Array): boolean =>
    bytes.subarray(0, text.length).equals(text.subarray(0, bytes.length))
  if (begin(SIGNATURE)) return bytes.length < FIXED_BYTES ? 'more' : readBinary(bytes)
  if (begin(Buffer.from(LINE_START))) return readLine(bytes)
  return 'none'
}

function readBinary(bytes: Buffer): ProxyHeader | 'more' | 'none' {
  const command = bytes[12]!
  const family = bytes[13]! >> 4
  const length = FIXED_BYTES + bytes.readUInt16BE(14)
  if ((command !== LOCAL && command !== PROXY) || family > FAMILY_MAX || length > LENGTH_MAX) return 'none'
  if (bytes.length < length) return 'more'
  if (command === LOCAL || (family !== IPV4 && family !== IPV6)) return { address: undefined, length }
  const [addressBytes, addressesBytes] = family === IPV4 ? [4, 12] : [16, 36]
  if (length < FIXED_BYTES + addressesBytes) return 'none'
  const source = bytes.subarray(FIXED_BYTES, FIXED_BYTES + addressBytes)
  return { address: family === IPV4 ? source.join('.') : ipv6Text(source), length }
}

function ipv6Text(bytes: Buffer): string {
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':')
}

function readLine(bytes: Buffer): ProxyHeader | 'more' | 'none' {
  const end = bytes.subarray(0, LINE_BYTES_MAX).indexOf('\r\n')
  if (end < 0) return bytes.length < LINE_BYTES_MAX ? 'more' : 'none'
  const [, family, source = '', destination = '', ...ports] = bytes.toString('latin1', 0, end).split(' ')
  const length = end + 2
  if (family === 'UNKNOWN') return { address: undefined, length }
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1
  const isRight = isIP(source) === version && isIP(destination) === version && ports.length === 2
  return isRight && ports.every(port => /^\d{1,5}$/.test(port)) ? { address: source, length } : 'none'
}
