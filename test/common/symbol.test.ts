import { describe, expect, it } from 'vitest'
import { isSymbol, symbolFault } from '../../src/common/symbol.js'

describe('a symbol', () => {
  it.each(['A', ' ', '\0', '*', '\ufeffA', '\ufffd', '😀', 'x'.repeat(64), '€'.repeat(21)])('is %j', text => {
    expect(isSymbol(text)).toBe(true)
  })

  it.each([
    ['', 'at least one character'],
    ['x'.repeat(65), 'at most 64 bytes'],
    ['€'.repeat(22), 'at most 64 bytes'],
    ['CAF\udc00', 'well-formed'],
    ['\ud800', 'well-formed'],
    ['\udc00\ud800', 'well-formed'],
  ])('is not %j', (text, why) => {
    expect(isSymbol(text)).toBe(false)
    expect(symbolFault(text)).toContain(why)
  })

  it.each([undefined, null, 5, ['A'], { length: 1 }])('is not %j', value => {
    expect(isSymbol(value)).toBe(false)
  })
})
