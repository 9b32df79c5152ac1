import { describe, expect, it } from 'vitest'
import { schemaCodec } from '../../../src/ticks/schema/schema-codec.js'
import { clientJson, one } from '../../support/schema-client.js'

describe('a tick that a user pushes', () => {
  const schema = one('nested')
  const codec = schemaCodec(schema)

  it('has fields by their names in JSON or in the proto file', () => {
    const decoded = clientJson(
      schemaCodec(one('flat')),
      schemaCodec(one('flat')).encodePushed({
        instrumentId: 'A',
        bid_px: 1.5,
        tsNs: 1_723_161_255_088_169_167n,
        seqNo: '18446744073709551615',
        raw: new Uint8Array([1]),
      }),
    )
    expect(decoded).toMatchObject({ symbol: 'A', bidPx: 1.5, sequence: '18446744073709551615', raw: 'AQ==' })
    expect(decoded).toMatchObject({ time: 1_723_161_255_088_169 })
  })

  it.each([
    [null, 'tick must be an object, got null'],
    [{}, 'a tick must have a symbol'],
    [{ header: 5 }, 'tick.header must be an object, got 5'],
    [{ header: { symbol: 5 } }, 'tick.header.symbol must be a well-formed string, got 5'],
    [{ header: { symbol: '\ud800' } }, 'tick.header.symbol must be a well-formed string'],
    [{ header: { symbol: 'A', seq: 1.5 } }, 'tick.header.seq must be a whole number of 64 bits, got 1.5'],
    [{ header: { symbol: 'A', seq: 2n ** 63n } }, 'tick.header.seq must be a whole number of 64 bits'],
    [{ header: { symbol: 'A' }, bids: {} }, 'tick.bids must be a list, got an object'],
    [{ header: { symbol: 'A' }, bids: [{ price: '1' }] }, 'tick.bids[0].price must be a number, got "1"'],
    [{ header: { symbol: 'A' }, nothing: 1 }, 'tick.nothing: nest.Book has no such field'],
    [{ header: { symbol: 'A', note: 'x'.repeat(1024) } }, 'a tick may have 1024 bytes'],
  ])('is refused where it is wrong', (tick, message) => {
    expect(() => codec.encodePushed(tick)).toThrow(expect.objectContaining({ code: 'tick_invalid' }))
    expect(() => codec.encodePushed(tick)).toThrow(message)
  })
})
