import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type IntervalMs, selectionOf } from '../../../src/lane-protocol/audience-spec.js'
import { marketCodec } from '../../../src/ticks/market-codec.js'
import { LaneAudience } from '../../../workers/collect/lane-audience.js'
import type { ConflationGroup } from '../../../workers/conflate/conflation-group.js'
import { type SymbolEntry, SymbolTable } from '../../../workers/read/symbol-table.js'
import { anySymbol } from '../../support/any-tick.js'
import { audienceState, spec } from '../../support/specs.js'

/** Pairs with the same hash: found by trying all texts of this form. */
const COLLISIONS = collisions()

function collisions(): [string, string][] {
  const seen = new Map<number, string>()
  const pairs: [string, string][] = []
  for (let number = 0; pairs.length < 3; number++) {
    const symbol = `S${number.toString(36)}`
    let hash = 0x811c9dc5
    for (const byte of Buffer.from(symbol)) hash = Math.imul(hash ^ byte, 0x01000193)
    hash &= 0x3fffffff
    const other = seen.get(hash)
    if (other !== undefined) pairs.push([other, symbol])
    seen.set(hash, symbol)
  }
  return pairs
}

/** An audience that wants every tick of these symbols. */
function audience(id: number, symbols: string[]): LaneAudience {
  return new LaneAudience(audienceState({ audience: id, spec: spec({ symbols }) }))
}

function find(table: SymbolTable, symbol: string): SymbolEntry | undefined {
  const bytes = Buffer.from(`xx${symbol}yy`)
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
  shared.set(bytes)
  return table.ofTick(shared, 2, bytes.length - 4)
}

const nameOf = (entry: SymbolEntry | undefined): string =>
  JSON.parse(`${Buffer.from(entry!.jsonPrefixes[0]!)}0}`).symbol

describe('the symbol table', () => {
  it('finds one entry for each symbol, with its own name', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anySymbol, { maxLength: 30 }), symbols => {
        const table = new SymbolTable(marketCodec)
        const entries = symbols.map(symbol => find(table, symbol))
        expect(new Set(entries).size).toBe(symbols.length)
        for (const [index, symbol] of symbols.entries()) {
          expect(find(table, symbol)).toBe(entries[index])
          expect(nameOf(entries[index])).toBe(symbol)
          expect(Buffer.from(entries[index]!.jsonPrefixes[1]!).toString()).toContain('"kind":"trade"')
        }
      }),
    )
  })

  it('keeps symbols with the same hash apart', () => {
    for (const [first, second] of COLLISIONS) {
      const table = new SymbolTable(marketCodec)
      const [one, two, three] = [audience(1, [first]), audience(2, [second]), audience(3, [second])]
      for (const each of [one, two, three]) table.open(each)
      expect(find(table, first)!.audiences).toEqual([one])
      expect(find(table, second)!.audiences).toEqual([two, three])
      expect([nameOf(find(table, first)), nameOf(find(table, second))]).toEqual([first, second])
    }
  })

  it.each([true, false])('forgets one symbol of a hash and keeps the other, the first: %s', isFirst => {
    for (const pair of COLLISIONS) {
      const [gone, kept] = isFirst ? pair : [pair[1], pair[0]]
      const table = new SymbolTable(marketCodec)
      const [one, two] = [audience(1, [gone]), audience(2, [kept])]
      for (const each of isFirst ? [one, two] : [two, one]) table.open(each)
      table.close(one)
      expect(find(table, kept)!.audiences).toEqual([two])
      expect(find(table, gone)!.audiences).toEqual([])
    }
  })

  it('lets an audience go, and nothing else', () => {
    const table = new SymbolTable(marketCodec)
    const [one, two] = [audience(1, ['A', 'C']), audience(2, ['A', 'B'])]
    for (const each of [one, two]) table.open(each)
    const entry = find(table, 'A')
    table.close(one)
    table.close(one)
    expect(find(table, 'A')).toBe(entry)
    expect(entry!.audiences).toEqual([two])
    expect(find(table, 'B')!.audiences).toEqual([two])
    expect(find(table, 'C')!.audiences).toEqual([])
  })

  it('lets a part go that rests', () => {
    const table = new SymbolTable(marketCodec)
    const latest = [{ intervalMs: 100, symbols: ['A', 'B*'] }]
    const one = new LaneAudience(audienceState({ spec: spec({ symbols: [], latest }) }))
    table.open(one)
    one.parts[0]!.rest()
    const entries = [find(table, 'A'), find(table, 'B1')]
    expect(entries.map(entry => entry!.resting?.size)).toEqual([1, 1])
    table.close(one)
    expect(entries.map(entry => entry!.resting?.size)).toEqual([0, 0])
  })

  it('is as if an audience had never been there when it has gone, whatever it wanted and how', () => {
    const name = fc.string({ unit: fc.constantFrom('A', 'B'), minLength: 1, maxLength: 3 })
    const entry = fc.oneof(
      name,
      name.map(prefix => `${prefix}*`),
      fc.constant('*'),
    )
    const wishes = fc.array(fc.tuple(entry, fc.constantFrom<IntervalMs>(null, 0, 5, 250)), { maxLength: 8 })
    const audienceFor = (id: number, wanted: [string, IntervalMs][]) =>
      new LaneAudience(audienceState({ audience: id, spec: spec(selectionOf(new Map(wanted))) }))
    const ids = (parts: readonly ConflationGroup[]) =>
      parts.map(part => `${part.audience.id}/${part.intervalMs}`)
    const wantedOf = (table: SymbolTable, symbols: string[]) =>
      symbols.map(symbol => {
        const { audiences, immediate, parts } = find(table, symbol)!
        return [symbol, audiences.map(({ id }) => id), ids(parts), ids(immediate)]
      })
    fc.assert(
      fc.property(fc.uniqueArray(name), wishes, wishes, fc.boolean(), (symbols, gone, kept, isFirst) => {
        const table = new SymbolTable(marketCodec)
        const tableWithout = new SymbolTable(marketCodec)
        const [one, two, without] = [audienceFor(1, gone), audienceFor(2, kept), audienceFor(2, kept)]
        if (isFirst)
          for (const symbol of symbols) for (const each of [table, tableWithout]) find(each, symbol)
        for (const audience of [one, two]) if (audience.spec.symbols !== null) table.open(audience)
        if (without.spec.symbols !== null) tableWithout.open(without)
        if (one.spec.symbols !== null) table.close(one)
        expect(wantedOf(table, symbols)).toEqual(wantedOf(tableWithout, symbols))
      }),
      { numRuns: 500 },
    )
  })

  it('finds nothing for bytes that are not UTF-8', () => {
    const table = new SymbolTable(marketCodec)
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0x41, 0xe2, 0x82]])
      expect(table.ofTick(Uint8Array.from(bytes), 0, bytes.length)).toBeUndefined()
  })

  it('keeps a bounded number of symbols, and serves the others still', () => {
    const table = new SymbolTable(marketCodec)
    const entries = Array.from({ length: 66_000 }, (_, index) => find(table, `S${index}`))
    expect(find(table, 'S5')).toBe(entries[5])
    const beyond = find(table, 'S65999')
    expect(nameOf(beyond)).toBe('S65999')
    expect(find(table, 'S65999')).not.toBe(beyond)
    const one = audience(1, ['S65999'])
    table.open(one)
    expect(find(table, 'S65999')!.audiences).toEqual([one])
    table.close(one)
    expect(find(table, 'S65999')!.audiences).toEqual([])
  })
})
