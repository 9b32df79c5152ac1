import { afterAll, beforeAll, expect, it } from 'vitest'
import { protobuf } from '../../../src/common/protobufjs.js'
import { findMethod } from '../../../src/sources/schema/feed-method.js'
import { nameOf } from '../../../src/sources/schema/type-names.js'
import { loadTypesFile } from '../../../src/sources/schema/types-file.js'
import { TestFolder } from '../../support/acme-proto.js'

const folder = new TestFolder()
let types: protobuf.Root

beforeAll(() => {
  types = loadTypesFile(folder.writeAcme())
})
afterAll(() => folder.remove())

it.each(['acme.md.MarketData/Subscribe', '/acme.md.MarketData/Subscribe'])('finds %s', name => {
  const method = findMethod(types, name)
  if (typeof method === 'string') throw new Error(method)
  expect(method.path).toBe('/acme.md.MarketData/Subscribe')
  expect(nameOf(method.request)).toBe('acme.md.SubscribeRequest')
  expect(nameOf(method.message)).toBe('acme.md.Update')
})

it.each([
  ['acme.md.MarketDat/Subscribe', 'there is no service acme.md.MarketDat; did you mean acme.md.MarketData?'],
  ['x.Y/Z', 'there is no service x.Y; there are the services acme.md.MarketData and acme.md.Reference'],
  ['acme.md.MarketData/Subscrib', 'acme.md.MarketData has no method Subscrib; did you mean Subscribe?'],
  [
    'acme.md.MarketData/Watch',
    'acme.md.MarketData has no method Watch; there are the server-streaming methods Subscribe and SubscribeBatches',
  ],
  [
    'acme.md.MarketData/toString',
    'acme.md.MarketData has no method toString; there are the server-streaming',
  ],
  [
    'acme.md.Reference/List',
    'acme.md.Reference has no method List, and there are no server-streaming methods',
  ],
  [
    'acme.md.MarketData/GetStatus',
    'GetStatus replies with one message: Ringcast calls a method that streams its replies to one request, such as ' +
      'Subscribe and SubscribeBatches',
  ],
  ['acme.md.MarketData/Upload', 'Upload streams its requests: Ringcast calls'],
  ['acme.md.MarketData/Talk', 'Talk streams in both directions: Ringcast calls'],
  ['acme.md.Reference/GetSymbols', 'and acme.md.Reference has no such method: name one of another service'],
])('refuses %s', (name, problem) => {
  expect(findMethod(types, name)).toContain(problem)
})

it('says when there are no services at all', () => {
  expect(findMethod(new protobuf.Root(), 'a.B/C')).toBe('there is no service a.B, and there are no services')
})
