import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commandId, readCommand } from '../../src/protocol/client-command.js'
import { textFault } from '../../src/protocol/command-text.js'

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

describe('the text of a message', () => {
  it('may nest four levels, anywhere', () => {
    expect(textFault(nested(4))).toBeUndefined()
    expect(textFault(nested(5))).toContain('at most 4 levels')
    expect(textFault(`[${nested(3)},${nested(3)}]`)).toBeUndefined()
    expect(textFault(`{"a":[{"b":[{}]}]}`)).toContain('at most 4 levels')
  })

  it('may have any number of brackets in strings', () => {
    expect(textFault(`{"id":"${'[{'.repeat(1000)}"}`)).toBeUndefined()
    expect(textFault(`{"id":"\\"${'[{'.repeat(1000)}"}`)).toBeUndefined()
    expect(textFault(`{"id":"\\\\",${nested(5)}}`)).toContain('at most 4 levels')
  })

  it('may have 256 characters outside of strings', () => {
    expect(textFault(`"", ,\n${'1'.repeat(256)}`)).toBeUndefined()
    expect(textFault(`"", ,\n${'1'.repeat(257)}`)).toContain('at most 256 characters')
  })

  it('may end anywhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', '\\', '[', '}', 'a', ' ') }), text => {
        textFault(text)
      }),
    )
  })

  it('has no fault when it is a command, with any symbols', () => {
    const symbols = fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 100 })
    const id = fc.oneof(fc.maxSafeInteger(), fc.string({ unit: 'binary', maxLength: 64 }))
    fc.assert(
      fc.property(symbols, id, fc.constantFrom(undefined, 2, '\t'), (names, ownId, space) => {
        const command = {
          type: 'subscribe',
          id: ownId,
          symbols: names,
          delivery: 'latest',
          interval: 60_000,
          snapshot: true,
        }
        const text = JSON.stringify(command, null, space)
        // JSON writes -0 as 0.
        expect(readCommand(text)).toEqual({ command: JSON.parse(text) })
        expect(commandId(text)).toEqual(JSON.parse(text).id)
      }),
    )
  })

  it('is not parsed for its id when it has a fault', () => {
    expect(commandId(`{"id":1,"x":${nested(3)}}`)).toBe(1)
    expect(commandId(`{"id":1,"x":${nested(4)}}`)).toBeUndefined()
  })
})

describe('a command with a value of the wrong kind', () => {
  it.each([
    ['{"id":[[[]]]}', 'bad_id', 'got a list'],
    ['{"id":1,"type":{}}', 'unknown_type', 'got an object'],
    ['{"id":1,"type":"subscribe","symbols":[["A"]]}', 'bad_symbols', 'got a list'],
    ['{"id":1,"type":"subscribe","symbols":{}}', 'bad_symbols', 'got an object'],
    ['{"id":1,"type":"\\u200bping"}', 'unknown_type', String.raw`got "\u200bping"`],
    ['{"id":1,"type":"ping","\\ufeff":1}', 'unknown_field', String.raw`got "\ufeff"`],
  ])('%s is refused, and the error names the kind', (text, code, message) => {
    expect(readCommand(text)).toMatchObject({ error: { code, message: expect.stringContaining(message) } })
  })
})
