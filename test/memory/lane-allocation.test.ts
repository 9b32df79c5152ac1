import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocateLaneMemory, copierOf } from '../../src/memory/lane-allocation.js'

const BYTES = 70_000

describe('the memory of a lane', () => {
  it('has at least the bytes that it was allocated with, shared and all 0', () => {
    const { buffer } = allocateLaneMemory(BYTES)
    expect(buffer).toBeInstanceOf(SharedArrayBuffer)
    expect(buffer.byteLength).toBeGreaterThanOrEqual(BYTES)
    expect(new Uint8Array(buffer).every(byte => byte === 0)).toBe(true)
  })

  it('copies as copyWithin does, between any two offsets', () => {
    const memory = allocateLaneMemory(BYTES)
    const copy = copierOf(memory)
    const bytes = new Uint8Array(memory.buffer, 0, BYTES)
    for (let index = 0; index < BYTES; index++) bytes[index] = index * 31
    const place = fc.nat({ max: 2000 })
    fc.assert(
      fc.property(place, place, place, (to, from, length) => {
        const expected = Uint8Array.from(bytes).copyWithin(to, from, from + length)
        copy(to, from, length)
        expect(Buffer.compare(bytes, expected)).toBe(0)
      }),
    )
  })

  it('refuses a range outside of it', () => {
    const copy = copierOf(allocateLaneMemory(100))
    expect(() => copy(65_536, 0, 1)).toThrow(/out of bounds/)
  })
})
