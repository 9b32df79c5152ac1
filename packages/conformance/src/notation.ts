/** How cases write ticks, and say what a value must have. */

type Fields = Readonly<Record<string, unknown>>

/** All fields of `expected` are in `actual`; null: the field is missing. */
export function matches(expected: unknown, actual: unknown): boolean {
  if (expected === null) return actual === null || actual === undefined
  if (Array.isArray(expected))
    return (
      Array.isArray(actual) &&
      actual.length === expected.length &&
      expected.every((each, index) => matches(each, actual[index]))
    )
  if (typeof expected === 'object') {
    const fields = Object(actual) as Fields
    return Object.entries(expected).every(([name, value]) => matches(value, fields[name]))
  }
  return expected === actual
}

/** `A1` is a quote of A with the sequence 1, and `A!1` a trade. */
export function lengthen(name: string): Fields {
  const [, symbol, mark, sequence] = /^(\D+?)(!?)(\d+)$/.exec(name)!
  const head = { symbol, sequence: Number(sequence), time: 1_723_161_255_000_000 }
  return mark === '!'
    ? { ...head, kind: 'trade', last: 1, lastSize: 1 }
    : { ...head, kind: 'quote', bid: 1, bidSize: 1, ask: 2, askSize: 1 }
}

export function shorten(ticks: readonly Fields[]): string[] {
  return ticks.map(({ kind, sequence, symbol }) => `${symbol}${kind === 'trade' ? '!' : ''}${sequence}`)
}
