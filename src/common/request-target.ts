/**
 * Splits the target of an HTTP request into path and query. Main thread. Pure. No other code parses a target.
 * Nothing is normalised: `/x/../y` and `/%79` are not `/y`, because a proxy may have decided by the text as sent.
 */

export interface RequestTarget {
  readonly path: string
  /** The text behind the `?`, as sent. */
  readonly query: string
}

/** The absolute form, which a server must accept: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2 */
const SCHEME_AND_AUTHORITY = /^https?:\/\/[^/?#\\]+/i

export function readTarget(target: string): RequestTarget {
  const local = target.replace(SCHEME_AND_AUTHORITY, '')
  const mark = local.indexOf('?')
  const path = mark < 0 ? local : local.slice(0, mark)
  return { path, query: mark < 0 ? '' : local.slice(mark + 1) }
}
