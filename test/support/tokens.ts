/**
 * Tokens of a test's own issuer.
 */
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'

export { createLocalJWKSet, SignJWT }

export const SECRET = Buffer.from('a secret of a test, thirty-two bytes or more')

/** @param claims beside `sub` and `exp`, which have defaults */
export function secretToken(
  claims: Record<string, unknown> = {},
  secret: Uint8Array = SECRET,
): Promise<string> {
  return new SignJWT({ sub: 'alice', exp: inSeconds(3600), ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(secret)
}

export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

export interface TestKey {
  readonly jwk: JWK
  sign(claims?: Record<string, unknown>): Promise<string>
}

export async function testKey(alg: string, kid: string | undefined): Promise<TestKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const name = kid === undefined ? {} : { kid }
  return {
    jwk: { ...(await exportJWK(publicKey)), ...name, alg, use: 'sig' },
    sign: (claims = {}) =>
      new SignJWT({ sub: 'alice', exp: inSeconds(3600), ...claims })
        .setProtectedHeader({ alg, ...name })
        .sign(privateKey),
  }
}
