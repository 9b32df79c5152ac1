/**
 * Symbols in the order of their UTF-16 text, so that the symbols with a prefix stand side by side. One lane's own.
 * Sorted chunks: no chunk is empty or longer than CHUNK_MAX, and each ends before the next one begins.
 */

/** Longer chunks make an insertion dear, shorter ones a search. */
const CHUNK_MAX = 512

export interface Named {
  readonly symbol: string
}

export class SymbolOrder<Entry extends Named> {
  private readonly chunks: Entry[][] = []

  /** Inserts an entry whose symbol no other entry has. */
  insert(entry: Entry): void {
    const { chunks } = this
    const { symbol } = entry
    if (chunks.length === 0) {
      chunks.push([entry])
      return
    }
    const index = this.chunkOf(symbol)
    const chunk = chunks[index]!
    chunk.splice(lowerBound(chunk, symbol), 0, entry)
    if (chunk.length > CHUNK_MAX) chunks.splice(index + 1, 0, chunk.splice(CHUNK_MAX / 2))
  }

  /** The entries whose symbols begin with `prefix`, in order. An array: a generator takes several times as long. */
  withPrefix(prefix: string): Entry[] {
    const { chunks } = this
    const found: Entry[] = []
    if (chunks.length === 0) return found
    let index = this.chunkOf(prefix)
    let at = lowerBound(chunks[index]!, prefix)
    for (; index < chunks.length; index++) {
      const chunk = chunks[index]!
      for (; at < chunk.length; at++) {
        const entry = chunk[at]!
        if (!entry.symbol.startsWith(prefix)) return found
        found.push(entry)
      }
      at = 0
    }
    return found
  }

  /** Index of the last chunk that begins at or before `text`, or of the first chunk. */
  private chunkOf(text: string): number {
    const { chunks } = this
    let low = 0
    let high = chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (chunks[middle]![0]!.symbol <= text) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** Index of the first entry whose symbol is not before `text`. */
function lowerBound(entries: readonly Named[], text: string): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]!.symbol < text) low = middle + 1
    else high = middle
  }
  return low
}
