import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutText, quoteUnlessPlain, quoteValue } from '../../src/common/quote-value.js'

const anyText = fc.string({ unit: 'binary', maxLength: 40 })

describe('quoteValue', () => {
  it.each<[string, unknown]>([
    ['"a"', 'a'],
    [String.raw`"a b \"c\" \\"`, 'a b "c" \\'],
    [String.raw`"\ufeff{}"`, '\ufeff{}'],
    [String.raw`"\u0000\n\u007f\u0085"`, '\0\n\x7f\x85'],
    [String.raw`"\u00a0\u200b\u202e\u2028\u3164"`, '\u00a0\u200b\u202e\u2028\u3164'],
    [String.raw`"CAF\udc00"`, 'CAF\udc00'],
    [String.raw`"\udb40\udc41"`, '\u{e0041}'],
    ['"é€😀"', 'é€😀'],
    ['none', undefined],
    ['null', null],
    ['NaN', Number.NaN],
    ['-1.5', -1.5],
    ['true', true],
    ['18446744073709551616', 2n ** 64n],
    ['a huge bigint', 10n ** 10_000n],
    ['a list', [1, 2]],
    ['an object', { a: 1 }],
    ['a function', () => 1],
    ['a JavaScript symbol', Symbol('a')],
  ])('says %s', (shown, value) => {
    expect(quoteValue(value)).toBe(shown)
  })

  it('names an object by its kind, however deep it is nested', () => {
    expect(quoteValue(JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)))).toBe('a list')
  })

  it('is short and well-formed for any text', () => {
    fc.assert(
      fc.property(anyText, fc.nat(10_000), (text, times) => {
        const shown = quoteValue(text.repeat(times))
        expect(shown.length).toBeLessThanOrEqual(103)
        expect(shown.isWellFormed()).toBe(true)
      }),
    )
    expect(quoteValue('😀'.repeat(51))).toBe(`"${'😀'.repeat(50)}"…`)
    expect(quoteValue(`x${'😀'.repeat(51)}`)).toBe(`"x${'😀'.repeat(49)}"…`)
  })

  it('writes a short text so that JSON reads it back', () => {
    const short = anyText.filter(text => text.length < 9)
    fc.assert(
      fc.property(short, text => {
        expect(JSON.parse(quoteValue(text))).toBe(text)
      }),
    )
  })
})

it('quoteUnlessPlain returns a plain text unchanged', () => {
  expect(quoteUnlessPlain('max-clients=5 000')).toBe('max-clients=5 000')
  expect(quoteUnlessPlain('a\u200bb')).toBe(String.raw`"a\u200bb"`)
  expect(quoteUnlessPlain('x'.repeat(101))).toBe(`"${'x'.repeat(100)}"…`)
})

it('cutText cuts between characters, and keeps halves of pairs that were there before', () => {
  expect(cutText('a😀b', 4)).toBe('a😀b')
  expect(cutText('a😀b', 3)).toBe('a😀')
  expect(cutText('a😀b', 2)).toBe('a')
  expect(cutText('a\ud83db', 2)).toBe('a\ud83d')
})
