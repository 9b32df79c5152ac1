import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { marketCodec } from '../../../src/ticks/market-codec.js'
import { TRADE_INDEX } from '../../../src/ticks/market-tick.js'
import { KnownSymbol, SymbolTable } from '../../../workers/read/symbol-table.js'
import { anySymbol } from '../../support/any-tick.js'
import { findSymbol, symbolNameOf } from '../../support/symbols.js'

const newTable = () =>
  new SymbolTable((symbol, bytes, isKept) => new KnownSymbol(symbol, bytes, isKept, marketCodec))

describe('the symbol table', () => {
  it('finds one entry for each symbol, with its own name', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anySymbol, { maxLength: 30 }), symbols => {
        const table = newTable()
        const entries = symbols.map(symbol => findSymbol(table, symbol))
        expect(new Set(entries).size).toBe(symbols.length)
        for (const [index, symbol] of symbols.entries()) {
          expect(findSymbol(table, symbol)).toBe(entries[index])
          expect(symbolNameOf(entries[index])).toBe(symbol)
          expect(Buffer.from(entries[index]!.jsonPrefixes[TRADE_INDEX]!).toString()).toContain(
            '"kind":"trade"',
          )
        }
      }),
    )
  })

  it('finds nothing for bytes that are not UTF-8', () => {
    const table = newTable()
    for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0x41, 0xe2, 0x82]])
      expect(table.ofTick(Uint8Array.from(bytes), 0, bytes.length)).toBeUndefined()
  })

  it('keeps a bounded number of symbols, and still finds the others', () => {
    const table = newTable()
    const entries = Array.from({ length: 66_000 }, (_, index) => findSymbol(table, `S${index}`))
    expect(findSymbol(table, 'S5')).toBe(entries[5])
    const beyond = findSymbol(table, 'S65999')
    expect(symbolNameOf(beyond)).toBe('S65999')
    expect(findSymbol(table, 'S65999')).not.toBe(beyond)
    expect([table.get('S5'), table.get('S65999')]).toEqual([entries[5], undefined])
    expect([...table.all()]).toHaveLength(65_536)
  })

  it('finds the symbols with a prefix, each once', () => {
    const text = fc.string({ unit: fc.constantFrom('A', 'B', 'é', '😀', '\uffff'), maxLength: 5 })
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 60 }), text, (symbols, prefix) => {
        const table = newTable()
        for (const symbol of symbols) findSymbol(table, symbol)
        const found = [...table.withPrefix(prefix)].map(({ symbol }) => symbol)
        expect(found).toEqual(symbols.filter(symbol => symbol.startsWith(prefix)).sort())
      }),
    )
  })

  it('finds the symbols with a prefix among many', () => {
    const table = newTable()
    const symbols = Array.from({ length: 5000 }, (_, index) => `${(index * 7919) % 5000}`)
    for (const symbol of symbols) findSymbol(table, symbol)
    for (const prefix of ['', '1', '49', '4999', '5', '50000', 'A'])
      expect([...table.withPrefix(prefix)].map(({ symbol }) => symbol)).toEqual(
        symbols.filter(symbol => symbol.startsWith(prefix)).sort(),
      )
  })
})
