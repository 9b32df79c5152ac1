import { describe, expect, it } from 'vitest'
import { TrustedProxies } from '../../src/clients/trusted-proxies.js'

const PROXIES = ['10.0.0.0/8', '192.0.2.1', 'fd00::/8']

describe('the address of a client', () => {
  it.each([
    // Nobody between.
    ['203.0.113.7', '198.51.100.1', '203.0.113.7'],
    ['10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['fd00::1', '2001:db8::7', '2001:db8::7'],
    // A client that invents a header.
    ['10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['10.0.0.1', '1.1.1.1, 198.51.100.1, 192.0.2.1, 10.9.9.9', '198.51.100.1'],
    ['10.0.0.1', '10.0.0.2,10.0.0.3', '10.0.0.2'],
    ['10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
    ['10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', '999.1.1.1', '10.0.0.1'],
    [undefined, '198.51.100.1', undefined],
  ])('behind %s with x-forwarded-for %j is %s', (peer, header, client) => {
    const proxies = new TrustedProxies(PROXIES, 'x-forwarded-for')
    const headers = header === undefined ? {} : { 'x-forwarded-for': header, forwarded: 'for=9.9.9.9' }
    expect(proxies.clientOf(peer, headers)).toBe(client)
  })

  it.each([
    ['for=198.51.100.1', '198.51.100.1'],
    ['For="[2001:db8::7]:4711";proto=https', '2001:db8::7'],
    ['proto=https; for=198.51.100.1 , by=1.1.1.1;for=10.0.0.2', '198.51.100.1'],
    ['for=1.1.1.1, for=_hidden', '10.0.0.1'],
    ['proto=https', '10.0.0.1'],
  ])('with forwarded %j is %s', (forwarded, client) => {
    const proxies = new TrustedProxies(PROXIES, 'forwarded')
    expect(proxies.clientOf('10.0.0.1', { forwarded, 'x-forwarded-for': '9.9.9.9' })).toBe(client)
  })

  it('behind a Unix socket is told where that is trusted', () => {
    const headers = { 'x-forwarded-for': '198.51.100.1' }
    expect(new TrustedProxies(['unix'], 'x-forwarded-for').clientOf(undefined, headers)).toBe('198.51.100.1')
    expect(new TrustedProxies([], 'x-forwarded-for').clientOf('127.0.0.1', headers)).toBe('127.0.0.1')
  })
})
