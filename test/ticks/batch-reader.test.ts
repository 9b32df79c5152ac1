import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchReader } from '../../src/ticks/batch-reader.js'
import { anyTick } from '../support/any-tick.js'
import { encodeTick, encodeTickBatch } from '../support/proto-messages.js'

interface Walk {
  readonly ticks: number[][]
  readonly isBroken: boolean
  readonly position: number
}

/** Walks the batch amid other bytes. */
function walk(batch: Uint8Array, filler = 0x0a): Walk {
  const bytes = new Uint8Array(batch.length + 30).fill(filler)
  bytes.set(batch, 11)
  const reader = new BatchReader(1)
  reader.reset(bytes, 11, 11 + batch.length)
  const ticks: number[][] = []
  while (reader.next()) {
    expect(reader.position).toBe(reader.tickEnd)
    ticks.push([...bytes.subarray(reader.tickStart, reader.tickEnd)])
  }
  return { ticks, isBroken: reader.isBroken, position: reader.position - 11 }
}

const tick: fc.Arbitrary<number[]> = fc
  .uint8Array({ maxLength: 200 })
  .map(bytes => [0x0a, ...length(bytes.length), ...bytes])
const oneOf = (...fields: number[][]): fc.Arbitrary<number[]> => fc.constantFrom(...fields)
const unknown: fc.Arbitrary<number[]> = fc.oneof(
  oneOf([0x10, 0x05], [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]),
  oneOf([0x11, 1, 2, 3, 4, 5, 6, 7, 8], [0x1d, 1, 2, 3, 4], [0x08, 0x01], [0x09, 1, 2, 3, 4, 5, 6, 7, 8]),
  // Fields 2^29 - 1, and groups: one that is empty, and one in another.
  oneOf([0xf8, 0xff, 0xff, 0xff, 0x0f, 0x05], [0xfd, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3, 4]),
  oneOf([0x13, 0x14], [0x13, 0x08, 1, 0x0a, 1, 7, 0x1b, 0x0d, 1, 2, 3, 4, 0x1c, 0x14]),
  fc
    .uint8Array({ maxLength: 200 })
    .map(bytes => [0xfa, 0xff, 0xff, 0xff, 0x0f, ...length(bytes.length), ...bytes]),
  // A tag and a length that are written longer than they need be.
  fc
    .uint8Array({ maxLength: 100 })
    .map(bytes => [0x92, 0x80, 0x00, bytes.length | 128, 0x80, 0x80, 0x80, 0x80, 0x00, ...bytes]),
  fc.uint8Array({ maxLength: 200 }).map(bytes => [0xfa, 0xff, 0x7f, ...length(bytes.length), ...bytes]),
)

function length(bytes: number): number[] {
  return bytes < 128 ? [bytes] : [(bytes & 127) | 128, bytes >>> 7]
}

const isTick = (field: number[]): boolean => field[0] === 0x0a
const tickBytes = (field: number[]): number[] => field.slice(field[1]! < 128 ? 2 : 3)

describe('the batch reader', () => {
  it('finds every tick that protobufjs wrote', () => {
    fc.assert(
      fc.property(fc.array(anyTick, { maxLength: 5 }), ticks => {
        const batch = encodeTickBatch({ ticks })
        expect(walk(batch)).toEqual({
          ticks: ticks.map(tick => [...encodeTick(tick)]),
          isBroken: false,
          position: batch.length,
        })
      }),
    )
  })

  it('skips unknown fields', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(tick, unknown), { maxLength: 12 }), fields => {
        const { ticks, isBroken } = walk(Uint8Array.from(fields.flat()))
        expect(isBroken).toBe(false)
        expect(ticks).toEqual(fields.filter(isTick).map(tickBytes))
      }),
    )
  })

  it('finds the whole ticks of a batch that is cut off, and reports the cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(tick, unknown), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        (fields, at) => {
          const batch = Uint8Array.from(fields.flat())
          const cut = at % batch.length
          const whole: number[][] = []
          let end = 0
          for (const field of fields) {
            if (end + field.length > cut) break
            end += field.length
            whole.push(field)
          }
          for (const filler of [0x00, 0x0a, 0xff]) {
            const { ticks, isBroken, position } = walk(batch.subarray(0, cut), filler)
            expect(ticks).toEqual(whole.filter(isTick).map(tickBytes))
            expect(isBroken).toBe(end !== cut)
            expect(position).toBe(cut)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it.each([
    ['field number 0', [0x02, 0]],
    ['a group without an end', [0x0b]],
    ['the end of a group', [0x0c]],
    ['a group that ends with another number', [0x0b, 0x14]],
    ['a tag of more than 32 bits', [0xfa, 0xff, 0xff, 0xff, 0x1f, 0]],
    ['a tag of eleven bytes', [0x8a, ...Array(9).fill(0x80), 0x00, 0]],
    ['wire type 7', [0x0f]],
    ['a length of five bytes', [0x0a, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['a length beyond the end', [0x0a, 3, 1, 2]],
    ['a length of 2^28 − 1', [0x0a, 0xff, 0xff, 0xff, 0x7f]],
  ])('ends at %s, and stays at the end', (_, rest) => {
    const reader = new BatchReader(1)
    const bytes = Uint8Array.from([0x0a, 1, 9, ...rest])
    reader.reset(bytes, 0, bytes.length)
    expect([reader.next(), reader.isBroken]).toEqual([true, false])
    expect([reader.next(), reader.isBroken, reader.position]).toEqual([false, true, bytes.length])
    expect([reader.next(), reader.isBroken]).toEqual([false, true])
    reader.reset(bytes, 0, 3)
    expect([reader.next(), reader.next(), reader.isBroken]).toEqual([true, false, false])
  })

  it('never throws and never reads past the end, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        const walks = [0x00, 0x0a, 0xff].map(filler => walk(bytes, filler))
        expect(walks[1]).toEqual(walks[0])
        expect(walks[2]).toEqual(walks[0])
        expect(walks[0]!.position).toBe(bytes.length)
      }),
      { numRuns: 1500 },
    )
  })
})
