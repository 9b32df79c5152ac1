/**
 * The known name that a mistyped one was probably meant to be. Any thread.
 * Pure; null rather than a far-fetched guess.
 */

import { quoteUnlessPlain } from '../common/quote-value.js'

/** The name in `known` nearest to `name` by typing errors, or null when none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const plain = normalized(name)
  let best: string | null = null
  // A third of the letters may be wrong: past that, any short name resembles any other.
  let bestDistance = Math.floor(plain.length / 3) + 1
  for (const candidate of known) {
    const distance = typingErrors(plain, normalized(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `maxClients`, `max_clients` and `MAX-CLIENTS` are one name to whoever mistypes it. */
function normalized(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}

/** How many letters were left out, added, changed or swapped with their neighbour (optimal string alignment). */
export function typingErrors(a: string, b: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1
      let errors = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + changed)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) errors = Math.min(errors, beforePrevious[j - 2]! + 1)
      row.push(errors)
    }
    beforePrevious = previous
    previous = row
  }
  return previous[b.length]!
}

/** "--prot: unknown; did you mean --port?" Its value is not told: it may be a secret meant for someone else. */
export function unknownName(name: string, prefix: string, meant: string | null): string {
  const unknown = `${quoteUnlessPlain(name)}: unknown`
  return meant === null ? unknown : `${unknown}; did you mean ${prefix}${meant}?`
}
