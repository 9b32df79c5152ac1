/** Why a connection has ended, or could not begin. */
import { UnauthorizedError } from './errors.js'
import type { Transition } from './items.js'

export interface ConnectionEnd {
  readonly code: string
  readonly reason: string
  readonly retryable: boolean
  readonly closeCode?: number | undefined
  readonly status?: number | undefined
  /** The code in the body of the response that refused the connection. */
  readonly refusalCode?: string | undefined
  /** What the gateway asks to wait, ms. */
  readonly delayMs?: number | undefined
}

type EndFacts = Pick<Transition, 'closeCode' | 'code' | 'reason' | 'status'>

/** What a transition tells of it. */
export function factsOf({ closeCode, code, reason, status }: ConnectionEnd): EndFacts {
  return { code, reason, closeCode, status }
}

/** `getToken` has thrown. It may come right, unless it says that nobody is signed in. */
export function tokenEnd(error: unknown): ConnectionEnd {
  const isUnauthorized = error instanceof UnauthorizedError
  return {
    code: isUnauthorized ? 'unauthorized' : 'token',
    reason: `getToken failed: ${(error as Error | undefined)?.message ?? error}`,
    retryable: !isUnauthorized,
  }
}
