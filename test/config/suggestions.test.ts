import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest, typingErrors } from '../../src/config/suggestions.js'

describe('nearest', () => {
  const known = ['port', 'host', 'max-clients', 'ping-interval-ms', 'pong-timeout-ms', 'feed']

  it.each([
    ['prot', 'port'],
    ['PORT', 'port'],
    ['maxClients', 'max-clients'],
    ['max_client', 'max-clients'],
    ['ping-intervall', 'ping-interval-ms'],
    ['fed', 'feed'],
  ])('takes %s for %s', (name, meant) => {
    expect(nearest(name, known)).toBe(meant)
  })

  it.each(['', 'x', 'po', 'verbose', 'compression-level'])('has no guess for "%s"', name => {
    expect(nearest(name, known)).toBeNull()
  })
})

describe('typingErrors', () => {
  it('counts letters left out, added, changed or swapped', () => {
    expect(typingErrors('port', 'prt')).toBe(1)
    expect(typingErrors('port', 'porrt')).toBe(1)
    expect(typingErrors('port', 'part')).toBe(1)
    expect(typingErrors('port', 'prot')).toBe(1)
    expect(typingErrors('', 'port')).toBe(4)
    expect(typingErrors('port', '')).toBe(4)
  })

  it('is 0 for the same word only, the same both ways, and no more than the longer word', () => {
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
