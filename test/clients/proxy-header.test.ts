import { expect, it } from 'vitest'
import { readProxyHeader } from '../../src/clients/proxy-header.js'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

/** A header of version 2. @param length what it says of what follows. Default: the truth */
function binary(command: number, family: number, rest: Buffer, length = rest.length): Buffer {
  return Buffer.concat([SIGNATURE, Buffer.from([command, family, length >> 8, length & 255]), rest])
}

const IPV4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 1, 0xc0, 0, 1, 0xbb])
const IPV6 = Buffer.from(`20010db8${'0'.repeat(22)}01${'0'.repeat(32)}c00001bb`, 'hex')

const RIGHT: readonly (readonly [string, Buffer, string | undefined])[] = [
  ['version 1, IPv4', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 49152 443\r\n'), '192.0.2.1'],
  ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 49152 443\r\n'), '2001:db8::1'],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  ['version 1, unknown with more', Buffer.from('PROXY UNKNOWN ffff:f ::1 1 2\r\n'), undefined],
  ['version 2, IPv4', binary(0x21, 0x11, IPV4), '192.0.2.1'],
  ['version 2, IPv6', binary(0x21, 0x21, IPV6), '2001:db8:0:0:0:0:0:1'],
  [
    'version 2 with more behind the addresses',
    binary(0x21, 0x11, Buffer.concat([IPV4, Buffer.alloc(200)])),
    '192.0.2.1',
  ],
  ['version 2, of the proxy itself', binary(0x20, 0x00, Buffer.alloc(0)), undefined],
  ['version 2, a Unix socket', binary(0x21, 0x31, Buffer.alloc(216)), undefined],
]

it.each(RIGHT)('reads %s, and waits for each byte of it', (_, header, address) => {
  const bytes = Buffer.concat([header, Buffer.from('GET / HTTP/1.1\r\n\r\n')])
  expect(readProxyHeader(bytes)).toEqual({ address, length: header.length })
  for (let length = 0; length < header.length; length++)
    expect(readProxyHeader(bytes.subarray(0, length))).toBe('more')
})

it.each([
  ['a request', Buffer.from('GET / HTTP/1.1\r\n')],
  ['TLS', Buffer.from([0x16, 3, 1, 2, 0])],
  ['a line without an end', Buffer.from(`PROXY TCP4 ${'1'.repeat(100)}`)],
  ['no address', Buffer.from('PROXY TCP4 example 198.51.100.1 49152 443\r\n')],
  ['an address of the other family', Buffer.from('PROXY TCP4 2001:db8::1 2001:db8::2 49152 443\r\n')],
  ['a port too few', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 49152\r\n')],
  ['another family', Buffer.from('PROXY UDP4 192.0.2.1 198.51.100.1 49152 443\r\n')],
  ['another version', binary(0x31, 0x11, IPV4)],
  ['an unknown command', binary(0x22, 0x11, IPV4)],
  ['fewer bytes than the addresses take', binary(0x21, 0x11, IPV4.subarray(0, 8))],
  ['more than any proxy sends', binary(0x21, 0x11, IPV4, 4000)],
])('refuses %s', (_, bytes) => {
  expect(readProxyHeader(bytes)).toBe('none')
})
