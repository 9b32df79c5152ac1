import { expect, it } from 'vitest'
import { protobuf } from '../../../src/common/protobufjs.js'
import { messageLines } from '../../../src/sources/schema/schema-text.js'

it('cuts a message off whose cases hold one another, before it is written out', () => {
  const names = Array.from({ length: 20 }, (_, index) => `Case${index}`)
  const cases = names.map((name, index) => `${name} field${index} = ${index + 1};`).join(' ')
  const messages = names.map(name => `message ${name} { oneof of { ${cases} } }`).join(' ')
  const { root } = protobuf.parse(`syntax = "proto3"; ${messages}`)
  root.resolveAll()
  const lines = messageLines(root.lookupType('Case0'))
  expect(lines).toHaveLength(501)
  expect(lines.at(-1)).toBe('…')
})
