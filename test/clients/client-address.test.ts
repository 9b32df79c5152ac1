import { expect, it } from 'vitest'
import { addressOf } from '../../src/clients/client-address.js'

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  [undefined, undefined],
])('a client at %s is charged at %s', (remoteAddress, address) => {
  expect(addressOf(remoteAddress)).toBe(address)
})
