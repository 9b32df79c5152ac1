/**
 * Reads what a token says of its client: docs/operations.md#what-a-token-says. Main thread. Pure.
 * A claim that is not understood is refused: it may have been meant as a limit.
 */
import type { AccessDenied, Identity } from '../clients/access/identity.js'

type Claims = Readonly<Record<string, unknown>>

/** @param toleranceMs the token is good for so much longer than it says */
export function identityOf(claims: Claims, toleranceMs: number): Identity | AccessDenied {
  const { delivery = 'every', exp, interval, maxConnections, maxSymbols, sub, symbols = [] } = claims
  if (typeof sub !== 'string' || sub === '') return wrong('sub must name the user')
  if (typeof exp !== 'number') return wrong('exp must say when the token expires')
  if (!Array.isArray(symbols)) return wrong('symbols must be a list of symbols and prefixes')
  if (delivery !== 'every' && delivery !== 'latest') return wrong('delivery must be "every" or "latest"')
  if (interval !== undefined && delivery !== 'latest') return wrong('interval needs delivery "latest"')
  for (const [name, value] of Object.entries({ interval, maxConnections, maxSymbols }))
    if (value !== undefined && typeof value !== 'number') return wrong(`${name} must be a whole number`)
  return {
    user: sub,
    symbols,
    latestIntervalMs: delivery === 'latest' ? ((interval as number | undefined) ?? 0) : undefined,
    connectionsMax: maxConnections as number | undefined,
    entriesMax: maxSymbols as number | undefined,
    expiresMs: exp * 1000 + toleranceMs,
  }
}

function wrong(denied: string): AccessDenied {
  return { code: 'bad_identity', denied: `the token is wrong: ${denied}` }
}
