/**
 * Says by a JSON Web Token who a client is. Main thread. The token is in no message, no error and no log line.
 */
import type { AccessAnswer, AccessDenied, Authenticate } from '../clients/access/identity.js'
import { type Clock, wallUs } from '../common/clock.js'
import { errors, type JWTVerifyOptions, jwtVerify } from './jose.js'
import { KeysUnavailable } from './remote-keys.js'
import { identityOf } from './token-claims.js'
import type { TokenKeys } from './token-keys.js'

export interface TokenRules {
  /** undefined: any. */
  readonly issuer: string | undefined
  /** The token must name one of them; none: any. */
  readonly audience: readonly string[]
  /** How far the clocks of gateway and issuer may differ. */
  readonly toleranceMs: number
}

/** A longer token is refused unread. */
const TOKEN_LENGTH_MAX = 16_384
/** Keys of a set without names that are tried for one token. */
const KEYS_TRIED_MAX = 8

export function tokenAuthenticator(
  keys: TokenKeys,
  rules: TokenRules,
  clock: Pick<Clock, 'epochUs' | 'aheadUs'>,
): Authenticate {
  const { audience, issuer, toleranceMs } = rules
  return async ({ token }): Promise<AccessAnswer> => {
    if (token === undefined) return undefined
    if (token.length > TOKEN_LENGTH_MAX) return MALFORMED
    try {
      const claims = await verified(token, keys, {
        algorithms: [...keys.algorithms],
        ...(issuer === undefined ? {} : { issuer }),
        ...(audience.length === 0 ? {} : { audience: [...audience] }),
        clockTolerance: toleranceMs / 1000,
        currentDate: new Date(wallUs(clock) / 1000),
      })
      return identityOf(claims, toleranceMs)
    } catch (error) {
      return denialOf(error)
    }
  }
}

async function verified(
  token: string,
  keys: TokenKeys,
  options: JWTVerifyOptions,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await jwtVerify(token, keys.find, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    let tried = 0
    for await (const key of error) {
      try {
        return (await jwtVerify(token, key, options)).payload
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed) || ++tried >= KEYS_TRIED_MAX)
          throw failure
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

const MALFORMED: AccessDenied = { code: 'token_malformed', denied: 'the token must be a JSON Web Token' }

/** @throws what is no fault of the token */
function denialOf(error: unknown): AccessDenied {
  if (error instanceof KeysUnavailable)
    return { code: 'auth_unavailable', denied: 'the keys of tokens are not known now: try again later' }
  if (error instanceof errors.JWTExpired)
    return { code: 'token_expired', denied: 'the token has expired: get a new one' }
  if (error instanceof errors.JWTClaimValidationFailed) return claimDenial(error.claim)
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return { code: 'token_signature', denied: 'the signature of the token is wrong' }
  if (error instanceof errors.JWKSNoMatchingKey)
    return { code: 'token_key_unknown', denied: 'the token is signed with a key that is not known here' }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return {
      code: 'token_algorithm',
      denied: 'the token is signed by an algorithm that is not accepted here',
    }
  if (error instanceof errors.JOSEError) return MALFORMED
  throw error
}

function claimDenial(claim: string): AccessDenied {
  switch (claim) {
    case 'nbf':
      return { code: 'token_not_yet_valid', denied: 'the token is not valid yet' }
    case 'iss':
      return { code: 'token_issuer', denied: 'the token is of an issuer who is not accepted here' }
    case 'aud':
      return { code: 'token_audience', denied: 'the token is not meant for this gateway' }
    default:
      return { code: 'bad_identity', denied: `the claim ${claim} of the token is wrong` }
  }
}
