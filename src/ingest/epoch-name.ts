/** The name of a feed's count as clients see it. Pure. */
import { createHash } from 'node:crypto'

/** Characters that a URL need not escape, and that end before the colon of `resume=<epoch>:<offset>`. */
const PLAIN = /^[\w.~-]{1,64}$/

/** Another text is replaced by its hash, the same in each gateway. */
export function epochName(text: string): string {
  return PLAIN.test(text) ? text : createHash('sha256').update(text).digest('base64url').slice(0, 22)
}
