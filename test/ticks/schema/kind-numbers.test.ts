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
})
