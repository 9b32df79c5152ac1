import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  digitCount,
  NUMBER_BYTES_MAX,
  writeAscii,
  writeDouble,
  writeInteger,
} from '../../src/ticks/number-text.js'
import { anyDouble } from '../support/any-tick.js'

const FILLER = 0x2a

/** What is written, checked to lie where it should and nowhere else. */
function written(write: (bytes: Uint8Array, at: number) => number): string {
  const bytes = new Uint8Array(64).fill(FILLER)
  const end = write(bytes, 7)
  expect(bytes.subarray(0, 7).every(byte => byte === FILLER)).toBe(true)
  expect(bytes.subarray(end).every(byte => byte === FILLER)).toBe(true)
  return Buffer.from(bytes.subarray(7, end)).toString('latin1')
}

const doubleText = (value: number): string => written((bytes, at) => writeDouble(bytes, at, value))
const integerText = (value: number): string => written((bytes, at) => writeInteger(bytes, at, value))

function check(value: number): void {
  const text = doubleText(value)
  expect(text).toBe(JSON.stringify(value))
  expect(text.length).toBeLessThanOrEqual(NUMBER_BYTES_MAX)
  // JSON has no −0 and no infinities; everything else comes back as it was.
  if (Number.isFinite(value) && !Object.is(value, -0) && !Object.is(JSON.parse(text), value))
    expect.fail(text)
}

/** The double with these bits. */
function doubleOf(bits: bigint): number {
  return new Float64Array(new BigUint64Array([bits]).buffer)[0]!
}

describe('doubles as text', () => {
  it('are what JSON.stringify writes, for any double', () => {
    fc.assert(fc.property(anyDouble, check), { numRuns: 2500 })
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(doubleOf), check), {
      numRuns: 2500,
    })
  })

  it('are what JSON.stringify writes, beside every decimal of up to nine places', () => {
    fc.assert(
      fc.property(fc.nat(10 ** 9), fc.nat(9), fc.integer({ min: -2, max: 2 }), (digits, decimals, ulps) => {
        const bits = new BigInt64Array(new Float64Array([digits / 10 ** decimals]).buffer)[0]!
        if (digits > 0) check(doubleOf(BigInt.asUintN(64, bits + BigInt(ulps))))
      }),
      { numRuns: 1500 },
    )
  })

  it.each([
    1e15,
    1e15 - 0.125,
    999_999_999_999_999.9,
    1e15 + 2,
    2 ** 53,
    1e21,
    1e21 - 2 ** 17,
    123_456_789.123_456_78,
    1e-6,
    9.999e-7,
    1e-7,
    1.00000001,
    0.1 + 0.2,
    1 / 3,
    5e-324,
    2 ** -1022,
    1.7976931348623157e308,
    -1.2345678901234568e-300,
    -0.0000012345678901234567,
    999_999_999,
    1e9,
    1e9 + 1,
    999_999_999.5,
    100,
    0.5,
    -0.5,
    0.00000001,
  ])('are what JSON.stringify writes: %d', value => {
    check(value)
    check(-value)
  })

  it('are null where JSON has no number, and 0 for −0', () => {
    expect([Number.NaN, Infinity, -Infinity, -0].map(doubleText)).toEqual(['null', 'null', 'null', '0'])
  })
})

describe('whole numbers as text', () => {
  it('have all their digits up to 2^53', () => {
    const powers = Array.from({ length: 16 }, (_, index) => 10 ** index)
    for (const value of [
      0,
      ...powers,
      ...powers.map(power => power - 1),
      2 ** 31,
      2 ** 32,
      2 ** 53 - 1,
      2 ** 53,
    ])
      expect(integerText(value)).toBe(String(value))
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat()), value => {
        expect(integerText(value)).toBe(String(value))
        expect(digitCount(value)).toBe(String(value).length)
      }),
      { numRuns: 2000 },
    )
  })

  it('are right at every border of a billion', () => {
    // Where the quotient is closest to the next whole number.
    for (let billions = 9_007_199; billions > 9_007_000; billions--)
      for (const rest of [-1, 0, 1])
        expect(integerText(billions * 1e9 + rest)).toBe(String(billions * 1e9 + rest))
  })
})

describe('ASCII', () => {
  it('is written as it is', () => {
    expect(written((bytes, at) => writeAscii(bytes, at, '{"a":1}'))).toBe('{"a":1}')
  })
})
