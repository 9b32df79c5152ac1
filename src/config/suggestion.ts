/**
 * Finds the known name that a mistyped name was probably meant to be. Any thread. Pure.
 */
import { quoteUnlessPlain } from '../common/quote-value.js'

/** Fewer letters begin too many names. */
const START_LENGTH_MIN = 3

/** The name in `known` with the fewest typing errors; undefined when none is near. */
export function suggestion(name: string, known: readonly string[]): string | undefined {
  const plain = normalized(name)
  let best: string | undefined
  // A third of the letters may be wrong. Beyond that, any short name resembles any other.
  let bestDistance = Math.floor(plain.length / 3) + 1
  for (const candidate of known) {
    const distance = typingErrors(plain, normalized(candidate))
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best ?? onlyWithStart(plain, known)
}

/** A name that was cut short: the only one in `known` that begins with it. */
function onlyWithStart(start: string, known: readonly string[]): string | undefined {
  const [found, ...others] = known.filter(name => normalized(name).startsWith(start))
  return start.length >= START_LENGTH_MIN && others.length === 0 ? found : undefined
}

/** "--prot: unknown; did you mean --port?" The value is left out: it may be a secret of another program. */
export function unknownName(name: string, meant: string | undefined): string {
  const unknown = `${quoteUnlessPlain(name)}: unknown`
  return meant === undefined ? unknown : `${unknown}; did you mean ${meant}?`
}

/** `maxClients`, `max_clients` and `MAX-CLIENTS` are written in one way. */
function normalized(name: string): string {
  return name
    .replace(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll('_', '-')
    .toLowerCase()
}

/** Counts letters left out, added, changed or swapped with their neighbour (optimal string alignment). */
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
