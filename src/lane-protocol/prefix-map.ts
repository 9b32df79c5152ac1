/**
 * Values by prefix: finds that of the longest prefix of a text. Any thread.
 * The cost of a search grows with the length of the text, at most 64 bytes for a symbol. It does not grow with the
 * number of prefixes.
 */
export class PrefixMap<V> {
  private readonly values: Map<string, V>
  /** The number of prefixes of each length. */
  private readonly lengthCounts: number[]

  /** @param like whose prefixes and values it begins with */
  constructor(like?: PrefixMap<V>) {
    this.values = new Map(like?.values)
    this.lengthCounts = [...(like?.lengthCounts ?? [])]
  }

  get size(): number {
    return this.values.size
  }

  entries(): Iterable<[prefix: string, value: V]> {
    return this.values
  }

  get(prefix: string): V | undefined {
    return this.values.get(prefix)
  }

  set(prefix: string, value: V): void {
    if (!this.values.has(prefix)) {
      while (this.lengthCounts.length <= prefix.length) this.lengthCounts.push(0)
      this.lengthCounts[prefix.length]! += 1
    }
    this.values.set(prefix, value)
  }

  delete(prefix: string): void {
    if (this.values.delete(prefix)) this.lengthCounts[prefix.length]! -= 1
  }

  /** @param lengthMax longer prefixes do not count */
  ofLongest(text: string, lengthMax = text.length): V | undefined {
    for (let length = Math.min(lengthMax, this.lengthCounts.length - 1); length >= 0; length--) {
      if (this.lengthCounts[length] === 0) continue
      const value = this.values.get(text.slice(0, length))
      if (value !== undefined) return value
    }
    return undefined
  }
}
