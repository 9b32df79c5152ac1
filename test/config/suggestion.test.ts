import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { suggestion, typingErrors } from '../../src/config/suggestion.js'

describe('suggestion', () => {
  const known = ['port', 'host', 'max-clients', 'ping-interval-ms', 'pong-timeout-ms', 'feed']

  it.each([
    ['prot', 'port'],
    ['PORT', 'port'],
    ['maxClients', 'max-clients'],
    ['max_client', 'max-clients'],
    ['ping-intervall', 'ping-interval-ms'],
    ['fed', 'feed'],
  ])('suggests for %s the name %s', (name, meant) => {
    expect(suggestion(name, known)).toBe(meant)
  })

  it.each(['', 'x', 'po', 'verbose', 'compression-level'])('suggests nothing for "%s"', name => {
    expect(suggestion(name, known)).toBeUndefined()
  })
})

describe('typingErrors', () => {
  it('counts letters that are left out, added, changed or swapped', () => {
    expect(typingErrors('port', 'prt')).toBe(1)
    expect(typingErrors('port', 'porrt')).toBe(1)
    expect(typingErrors('port', 'part')).toBe(1)
    expect(typingErrors('port', 'prot')).toBe(1)
    expect(typingErrors('', 'port')).toBe(4)
    expect(typingErrors('port', '')).toBe(4)
  })

  it('is 0 for equal words only, symmetric, and at most the length of the longer word', () => {
    const word = fc.string({ maxLength: 12, unit: fc.constantFrom('a', 'b', 'c', '-') })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const errors = typingErrors(a, b)
        expect(errors === 0).toBe(a === b)
        expect(typingErrors(b, a)).toBe(errors)
        expect(errors).toBeLessThanOrEqual(Math.max(a.length, b.length))
      }),
    )
  })
})
