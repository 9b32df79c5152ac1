import descriptor from 'protobufjs/ext/descriptor.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RingcastError } from '../../../src/common/errors.js'
import { protobuf } from '../../../src/common/protobufjs.js'
import { checkMapping } from '../../../src/sources/schema/mapping-check.js'
import { tickSchemaOf } from '../../../src/sources/schema/tick-schema-of.js'
import { loadTypesFile } from '../../../src/sources/schema/types-file.js'
import { ACME_MAIN, TestFolder } from '../../support/acme-proto.js'

let folder: TestFolder

beforeEach(() => {
  folder = new TestFolder()
})
afterEach(() => folder.remove())

/** The faults of a file, without the names of folders. */
function faultOf(path: string): string {
  try {
    loadTypesFile(path)
  } catch (error) {
    if (!(error instanceof RingcastError)) throw error
    expect(error.code).toBe('schema_invalid')
    return error.message.replaceAll(folder.path, '.')
  }
  throw new Error('expected an error')
}

/** The ACME types as protoc compiles them: without the well-known types when told so. */
function descriptorSet(keep: (file: string) => boolean = () => true): Uint8Array {
  const root = loadTypesFile(folder.writeAcme())
  const set = root.toDescriptor('proto3') as unknown as {
    file: { name: string; package: string; dependency: string[] }[]
  }
  for (const file of set.file) {
    if (file.package === 'acme.md') {
      file.name = ACME_MAIN
      file.dependency = ['acme/common/header.proto', 'google/protobuf/timestamp.proto']
    } else
      file.name =
        file.package === 'acme.common' ? 'acme/common/header.proto' : 'google/protobuf/timestamp.proto'
  }
  set.file = set.file.filter(({ name }) => keep(name))
  return descriptor.FileDescriptorSet.encode(set).finish()
}

/** What the lanes get of the types. */
function schemaOf(root: protobuf.Root, name = 'acme.md.Update') {
  const message = root.lookupType(name)
  const { mapping } = checkMapping(message, { symbol: 'ticker' })
  return tickSchemaOf(message, mapping!)
}

describe('a .proto file', () => {
  it('brings the types of the files that it imports, from a folder above it', () => {
    const types = loadTypesFile(folder.writeAcme())
    expect(types.lookupType('acme.common.Header').fields.sent_at).toBeDefined()
    expect(types.lookupType('google.protobuf.Timestamp')).toBeDefined()
  })

  it('may import a file beside it, and the options of protobuf', () => {
    folder.write('b.proto', 'syntax = "proto3"; message B { string id = 1; }')
    const path = folder.write(
      'a.proto',
      `syntax = "proto3"; import "b.proto"; import "google/protobuf/descriptor.proto";
       extend google.protobuf.FieldOptions { string unit = 50000; }
       message A { B b = 1; double price = 2 [(unit) = "USD"]; }`,
    )
    expect(loadTypesFile(path).lookupType('A').fields.b?.resolvedType?.name).toBe('B')
  })

  it.each([
    [{}, 'must be a file that can be read'],
    [
      { 'a.proto': 'message {' },
      "must be a .proto file, or a descriptor set of protoc: illegal type name '{' (a.proto, line 1)",
    ],
    [
      { 'a.proto': 'syntax = "proto3"; message A { Nothing x = 1; }' },
      "no such Type or Enum 'Nothing' in Type .A",
    ],
    [
      { 'a.proto': 'syntax = "proto3"; import "lib/b.proto";' },
      './a.proto imports lib/b.proto, which is neither beside it nor in a folder above ./a.proto: put it there',
    ],
  ])('%j is refused', (files, problem) => {
    for (const [name, text] of Object.entries(files)) folder.write(name, text as string)
    expect(faultOf(`${folder.path}/a.proto`)).toContain(problem)
  })
})

describe('a descriptor set', () => {
  it.each(['types.pb', 'types.bin', 'types.desc', 'types'])('is found out in %s', name => {
    const fromText = schemaOf(loadTypesFile(folder.writeAcme()))
    const fromSet = schemaOf(loadTypesFile(folder.write(name, descriptorSet())))
    expect(fromSet.message).toBe(fromText.message)
    const encode = ({ types, message }: typeof fromText) =>
      protobuf.Root.fromJSON(types)
        .lookupType(message)
        .encode({ ticker: 'A', trade: { price: 1 }, received: { seconds: 5 } })
        .finish()
    expect(encode(fromSet)).toEqual(encode(fromText))
  })

  it('may lack the well-known types', () => {
    const path = folder.write(
      'types.pb',
      descriptorSet(name => !name.startsWith('google/')),
    )
    expect(loadTypesFile(path).lookupType('acme.md.Trade').fields.at?.resolvedType?.name).toBe('Timestamp')
  })

  it('is refused when it lacks a file, or is none', () => {
    const lacking = folder.write(
      'types.pb',
      descriptorSet(name => name === ACME_MAIN),
    )
    expect(faultOf(lacking)).toBe(
      'lacks acme/common/header.proto: make the descriptor set with protoc --include_imports',
    )
    expect(faultOf(folder.write('x.pb', Buffer.from([0x0a, 0xff, 0xff])))).toBe(
      'must be a .proto file, or a descriptor set of protoc',
    )
    expect(faultOf(folder.write('y.pb', Buffer.from([0x12, 0])))).toBe('is a descriptor set without a file')
  })
})

describe('the types for the lanes', () => {
  it('are those that the message needs, and no others', () => {
    const { types } = schemaOf(loadTypesFile(folder.writeAcme()))
    const names = (path: string) =>
      Object.keys((protobuf.Root.fromJSON(types).lookup(path) as protobuf.Namespace).nested ?? {})
    expect(names('acme.md')).toEqual(['Level', 'Book', 'Trade', 'Update'])
    expect(names('acme.common')).toEqual(['Venue', 'Header'])
    expect(names('google.protobuf')).toEqual(['Timestamp'])
    expect(structuredClone(types)).toEqual(types)
  })

  it('keep what tells proto2 from proto3', () => {
    const path = folder.write(
      'old.proto',
      `syntax = "proto2";
       message Outer {
         message Tick { required string ticker = 1; repeated int32 levels = 2; optional Outer.Side side = 3; }
         enum Side { BUY = 1; SELL = 2; }
         optional string unrelated = 1;
       }`,
    )
    const { types, message } = schemaOf(loadTypesFile(path), 'Outer.Tick')
    const type = protobuf.Root.fromJSON(types).lookupType(message)
    expect(type.fields.ticker!.required).toBe(true)
    expect(type.fields.levels!.packed).toBe(false)
  })
})
