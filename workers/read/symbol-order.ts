/**
 * Symbols in the order of their UTF-16 text, so that the symbols with a prefix stand side by side. One lane's own.
 * Sorted chunks: no chunk is empty or longer than CHUNK_MAX, and each ends before the next one begins.
 */

/** Longer chunks make an insertion dear, shorter ones a search. */
const CHUNK_MAX = 512

export interface Named {
  readonly symbol: string
}

export class SymbolOrder<Item extends Named> {
  private readonly chunks: Item[][] = []

  /** Inserts a symbol that is not there. */
  insert(item: Item): void {
    const { chunks } = this
    const { symbol } = item
    if (chunks.length === 0) {
      chunks.push([item])
      return
    }
    const index = this.chunkOf(symbol)
    const chunk = chunks[index]!
    chunk.splice(lowerBound(chunk, symbol), 0, item)
    if (chunk.length > CHUNK_MAX) chunks.splice(index + 1, 0, chunk.splice(CHUNK_MAX / 2))
  }

  /** The symbols that begin with `prefix`, in order. An array: a generator takes several times as long. */
  withPrefix(prefix: string): Item[] {
    const { chunks } = this
    const found: Item[] = []
    if (chunks.length === 0) return found
    let index = this.chunkOf(prefix)
    let at = lowerBound(chunks[index]!, prefix)
    for (; index < chunks.length; index++) {
      const chunk = chunks[index]!
      const last = chunk.at(-1)!.symbol
      // All symbols between two that begin with the prefix do so, too.
      if (last.startsWith(prefix)) found.push(...(at === 0 ? chunk : chunk.slice(at)))
      else if (last > prefix) {
        for (; chunk[at]!.symbol.startsWith(prefix); at++) found.push(chunk[at]!)
        return found
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

/** Index of the first symbol that is not before `text`. */
function lowerBound(items: readonly Named[], text: string): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (items[middle]!.symbol < text) low = middle + 1
    else high = middle
  }
  return low
}
