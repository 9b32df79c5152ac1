import { describe, expect, it } from 'vitest'
import { schemaCodec } from '../../../src/ticks/schema/schema-codec.js'
import type { TickCodec } from '../../../src/ticks/tick-codec.js'
import { encodeMessage, tickTypeOf } from '../../support/foreign-schemas.js'
import { flat } from '../../support/schema-client.js'

describe('the number of a kind', () => {
  const schema = flat('string k = 2;', { kind: 'k' })
  const type = tickTypeOf(schema)
  const kindOf = (codec: TickCodec, k: string): number => {
    const bytes = encodeMessage(type, { symbol: 'A', k })
    const reader = codec.createReader(bytes)
    reader.decode(0, bytes.length)
    return reader.kind
  }

  it('is given in the order in which a codec meets the kinds, and stays', () => {
    const codec = schemaCodec(schema)
    expect(['b', 'a', 'b', '', 'a', 'tick'].map(kind => kindOf(codec, kind))).toEqual([0, 1, 0, 2, 1, 2])
    expect(kindOf(schemaCodec(schema), 'a')).toBe(0)
  })

  it('is given to 64 kinds', () => {
    const codec = schemaCodec(schema)
    for (let kind = 0; kind < 64; kind++) expect(kindOf(codec, `k${kind}`)).toBe(kind)
    expect(kindOf(codec, 'another')).toBe(-1)
    expect(kindOf(codec, 'k63')).toBe(63)
  })

  it('makes no difference to the mark that a successor compares', () => {
    const positions = flat('string k = 2; uint64 p = 3;', { kind: 'k', position: 'p' })
    const bytes = encodeMessage(tickTypeOf(positions), { symbol: 'A', k: 'b', p: 7 })
    const other = encodeMessage(tickTypeOf(positions), { symbol: 'A', k: 'a', p: 7 })
    const marks = [[], [other]].map(before => {
      const codec = schemaCodec(positions)
      for (const each of [...before, bytes]) {
        const reader = codec.createReader(each)
        reader.decode(0, each.length)
        if (each === bytes) return [reader.kind, reader.mark]
        expect(reader.kind).toBe(0)
      }
      return []
    })
    expect(marks.map(([kind]) => kind)).toEqual([0, 1])
    expect(marks[0]![1]).toBe(marks[1]![1])
    const reader = schemaCodec(positions).createReader(other)
    reader.decode(0, other.length)
    expect(reader.mark).not.toBe(marks[0]![1])
  })
})
