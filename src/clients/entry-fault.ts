/**
 * Says whether a string is an entry: a symbol, a prefix such as `BTC*`, or `*` for all symbols. Main thread. Pure.
 */
import { symbolFault } from '../common/symbol.js'

/** Why a string is no entry, in one sentence; undefined when it is one. */
export function entryFault(entry: string): string | undefined {
  const fault = symbolFault(entry)
  if (fault !== undefined) return fault
  const star = entry.indexOf('*')
  if (star >= 0 && star < entry.length - 1) return 'a * must stand at the end, for instance BTC*'
  return undefined
}
