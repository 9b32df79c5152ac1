/**
 * Takes the target of an HTTP request apart. Main thread; the one place where a target is looked at. Pure.
 * Nothing is normalised: `/x/../y` and `/%79` are not `/y`, since a proxy in front may have decided by what it read.
 */

export interface RequestTarget {
  readonly path: string
  /** What stands behind the `?`, as it was sent. */
  readonly query: string
}

/** The absolute form, which a server has to accept: https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2 */
const SCHEME_AND_AUTHORITY = /^https?:\/\/[^/?#\\]+/i

export function readTarget(target: string): RequestTarget {
  const local = target.replace(SCHEME_AND_AUTHORITY, '')
  const mark = local.indexOf('?')
  const path = mark < 0 ? local : local.slice(0, mark)
  return { path, query: mark < 0 ? '' : local.slice(mark + 1) }
}
