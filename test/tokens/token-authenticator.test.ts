import { describe, expect, it } from 'vitest'
import type { AccessRequest } from '../../src/clients/access/identity.js'
import { systemClock } from '../../src/common/clock.js'
import { type TokenRules, tokenAuthenticator } from '../../src/tokens/token-authenticator.js'
import { publicKeys, secretKeys, type TokenKeys } from '../../src/tokens/token-keys.js'
import { inSeconds, SECRET, SignJWT, secretToken, testKey } from '../support/tokens.js'

const RULES: TokenRules = { issuer: undefined, audience: [], toleranceMs: 5000 }

function check(
  token: string | undefined,
  rules: Partial<TokenRules> = {},
  keys: TokenKeys = secretKeys(SECRET),
) {
  const authenticate = tokenAuthenticator(keys, { ...RULES, ...rules }, systemClock)
  const { signal } = new AbortController()
  const request: AccessRequest = {
    token,
    url: '',
    headers: {},
    address: undefined,
    renews: undefined,
    signal,
  }
  return Promise.resolve(authenticate(request))
}

describe('a token', () => {
  it('names the user, and what the client may have', async () => {
    const exp = inSeconds(60)
    const claims = { exp, symbols: ['BTC*', 'ETHUSDT'], maxConnections: 3, maxSymbols: 10 }
    expect(await check(await secretToken(claims))).toEqual({
      user: 'alice',
      symbols: ['BTC*', 'ETHUSDT'],
      latestIntervalMs: undefined,
      connectionsMax: 3,
      entriesMax: 10,
      expiresMs: exp * 1000 + 5000,
    })
    expect(await check(await secretToken({ delivery: 'latest', interval: 1000 }))).toMatchObject({
      latestIntervalMs: 1000,
      symbols: [],
    })
    expect(await check(await secretToken({ delivery: 'latest' }))).toMatchObject({ latestIntervalMs: 0 })
  })

  it('that is not there says nothing', async () => {
    expect(await check(undefined)).toBeUndefined()
  })

  it.each([
    ['has expired', { exp: inSeconds(-10) }, {}, 'token_expired'],
    ['is not valid yet', { nbf: inSeconds(60) }, {}, 'token_not_yet_valid'],
    ['is of another issuer', { iss: 'mallory' }, { issuer: 'https://id.example/' }, 'token_issuer'],
    ['is of no issuer', {}, { issuer: 'https://id.example/' }, 'token_issuer'],
    ['is for another audience', { aud: ['a', 'b'] }, { audience: ['ticks', 'c'] }, 'token_audience'],
    ['names nobody', { sub: undefined }, {}, 'bad_identity'],
    ['never expires', { exp: undefined }, {}, 'bad_identity'],
    ['has symbols as a text', { symbols: '*' }, {}, 'bad_identity'],
    ['has a delivery that does not exist', { delivery: 'fast' }, {}, 'bad_identity'],
    ['has an interval for every tick', { interval: 1000 }, {}, 'bad_identity'],
    ['has a limit as a text', { maxSymbols: '10' }, {}, 'bad_identity'],
  ])('that %s is refused', async (_, claims, rules, code) => {
    expect(await check(await secretToken(claims), rules)).toMatchObject({ code, denied: expect.any(String) })
  })

  it('may be as much too old or too new as the clocks may differ', async () => {
    expect(await check(await secretToken({ exp: inSeconds(-2) }))).toMatchObject({ user: 'alice' })
    expect(await check(await secretToken({ nbf: inSeconds(3) }))).toMatchObject({ user: 'alice' })
  })

  it('of an accepted issuer for one of the audiences is accepted', async () => {
    const token = await secretToken({ iss: 'https://id.example/', aud: 'ticks' })
    const rules = { issuer: 'https://id.example/', audience: ['other', 'ticks'] }
    expect(await check(token, rules)).toMatchObject({ user: 'alice' })
  })

  it('that is signed with another secret, or not at all, or is none, is refused', async () => {
    const other = await secretToken({}, Buffer.alloc(32, 1))
    expect(await check(other)).toMatchObject({ code: 'token_signature' })
    const [, payload] = other.split('.')
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
    expect(await check(none)).toMatchObject({ code: 'token_algorithm' })
    for (const token of ['', 'x', 'a.b.c', `${other}.x`, 'x'.repeat(20_000)])
      expect(await check(token)).toMatchObject({ code: 'token_malformed' })
  })
})

describe('public keys', () => {
  it.each(['RS256', 'PS256', 'ES256', 'Ed25519'])('check a token of %s', async alg => {
    const key = await testKey(alg, 'one')
    const keys = publicKeys(JSON.stringify({ keys: [key.jwk] }))
    expect(await check(await key.sign(), {}, keys)).toMatchObject({ user: 'alice' })
  })

  it('are no secret: a token that is signed with their bytes is refused', async () => {
    const { jwk } = await testKey('RS256', 'one')
    const text = JSON.stringify({ keys: [jwk] })
    for (const secret of [text, JSON.stringify(jwk), jwk.n!]) {
      const forged = await new SignJWT({ sub: 'mallory', exp: inSeconds(60) })
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .sign(Buffer.from(secret))
      expect(await check(forged, {}, publicKeys(text))).toMatchObject({ code: 'token_algorithm' })
    }
  })

  it('without names are tried one after another', async () => {
    const [first, second, other] = await Promise.all([1, 2, 3].map(() => testKey('ES256', undefined)))
    const keys = publicKeys(JSON.stringify({ keys: [first!.jwk, second!.jwk] }))
    expect(await check(await second!.sign(), {}, keys)).toMatchObject({ user: 'alice' })
    expect(await check(await other!.sign(), {}, keys)).toMatchObject({ code: 'token_signature' })
  })

  it('do not check the token of a key that is not among them', async () => {
    const [first, second] = await Promise.all(['one', 'two'].map(kid => testKey('ES256', kid)))
    const keys = publicKeys(JSON.stringify({ keys: [first!.jwk] }))
    expect(await check(await second!.sign(), {}, keys)).toMatchObject({ code: 'token_key_unknown' })
  })

  it.each(['', '[]', '{"keys":1}', 'key'])('are not made of %j', text => {
    expect(() => publicKeys(text)).toThrow('must be a JSON Web Key Set')
  })
})

describe('a secret', () => {
  it('has 32 bytes or more, white space at its end left aside', () => {
    expect(() => secretKeys(Buffer.from(`${'x'.repeat(31)}\n\n`))).toThrow('at least 32 bytes, it has 31')
    expect(() => secretKeys(Buffer.from(`${'x'.repeat(32)}\r\n`))).not.toThrow()
  })
})
