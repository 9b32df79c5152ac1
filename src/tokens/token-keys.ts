/**
 * The keys with which tokens are checked. Main thread. The kind of the keys fixes the algorithms: a token can choose
 * neither `none`, nor a public key as a secret.
 */
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from './jose.js'

export interface TokenKeys {
  /** The algorithms that a token may name. */
  readonly algorithms: readonly string[]
  /** Finds the key of a token. */
  readonly find: JWTVerifyGetKey
}

const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512']
const PUBLIC_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** https://www.rfc-editor.org/rfc/rfc7518#section-3.2 */
const SECRET_BYTES_MIN = 32

/** Why the keys cannot be used, as the end of a sentence: "must …". */
export class WrongKeys extends Error {}

/**
 * One secret, which the issuer of the tokens has, too.
 *
 * @param text of its file. White space at the end is not part of it
 * @throws WrongKeys
 */
export function secretKeys(text: Buffer): TokenKeys {
  let length = text.length
  while (length > 0 && [0x20, 0x0a, 0x0d].includes(text[length - 1]!)) length--
  const secret = text.subarray(0, length)
  if (length < SECRET_BYTES_MIN)
    throw new WrongKeys(`must have at least ${SECRET_BYTES_MIN} bytes, it has ${length}`)
  return { algorithms: SECRET_ALGORITHMS, find: async () => secret }
}

/**
 * The public keys of a JSON Web Key Set.
 *
 * @throws WrongKeys
 */
export function publicKeys(text: string): TokenKeys {
  try {
    return { algorithms: PUBLIC_ALGORITHMS, find: createLocalJWKSet(JSON.parse(text)) }
  } catch (cause) {
    throw new WrongKeys('must be a JSON Web Key Set: {"keys":[…]}', { cause })
  }
}

/** Public keys that `find` finds; the algorithms are those of `publicKeys`. */
export function publicKeysOf(find: JWTVerifyGetKey): TokenKeys {
  return { algorithms: PUBLIC_ALGORITHMS, find }
}

/** Keys that can be replaced while tokens are checked. */
export class ReplaceableKeys implements TokenKeys {
  private keys: TokenKeys

  constructor(keys: TokenKeys) {
    this.keys = keys
  }

  get algorithms(): readonly string[] {
    return this.keys.algorithms
  }

  get find(): JWTVerifyGetKey {
    return this.keys.find
  }

  replace(keys: TokenKeys): void {
    this.keys = keys
  }
}

export function isUnknownKey(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey
}
