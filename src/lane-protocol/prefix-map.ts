/**
 * Values by prefix: finds that of the longest prefix of a text. Any thread.
 * What a search costs grows with the length of the text, at most 64 bytes for a symbol, and not with the number of prefixes.
 */
export class PrefixMap<V> {
  private readonly values = new Map<string, V>()
  /** At a length, whether some prefix has it. */
  private readonly hasLength: boolean[] = []

  get size(): number {
    return this.values.size
  }

  entries(): Iterable<[prefix: string, value: V]> {
    return this.values
  }

  set(prefix: string, value: V): void {
    while (this.hasLength.length <= prefix.length) this.hasLength.push(false)
    this.hasLength[prefix.length] = true
    this.values.set(prefix, value)
  }

  /** @param lengthMax longer prefixes do not count */
  ofLongest(text: string, lengthMax = text.length): V | undefined {
    for (let length = Math.min(lengthMax, this.hasLength.length - 1); length >= 0; length--) {
      if (!this.hasLength[length]) continue
      const value = this.values.get(text.slice(0, length))
      if (value !== undefined) return value
    }
    return undefined
  }
}
