/**
 * Loads the types of a feed from a file: a `.proto` file with its imports, or a descriptor set of protoc. Main thread.
 */

import { isUtf8 } from 'node:buffer'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { RingcastError } from '../../common/errors.js'
import { protobuf } from '../../common/protobufjs.js'
import { decodeDescriptorSet, missingImports, typesOfDescriptors } from './descriptor-types.js'
import { listed } from './type-names.js'

/** Bytes that no text holds: controls other than tab, line feed and carriage return. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they tell a compiled file from a text
const NOT_TEXT = /[\x00-\x08\x0b\x0c\x0e-\x1f]/

/** @throws RingcastError `schema_invalid`, a sentence about the file without its name */
export function loadTypesFile(path: string): protobuf.Root {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new RingcastError('schema_invalid', 'must be a file that can be read', { cause })
  }
  return isText(bytes) ? parseProto(path) : typesOfSet(bytes)
}

/** A text ends with .proto in most cases, a set with .pb, .bin or .desc in some: so the content decides. */
function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !NOT_TEXT.test(bytes.toString())
}

function parseProto(path: string): protobuf.Root {
  const main = resolve(path)
  const root = new protobuf.Root()
  root.resolvePath = (origin, target) => (origin === '' ? target : findImport(main, origin, target))
  try {
    return root.loadSync(main, { keepCase: true })
  } catch (cause) {
    if (cause instanceof RingcastError) throw cause
    const reason = (cause as Error).message.replaceAll(`${dirname(main)}/`, '')
    throw new RingcastError(
      'schema_invalid',
      `must be a .proto file, or a descriptor set of protoc: ${reason}`,
      {
        cause,
      },
    )
  }
}

/**
 * Beside the file that imports it, as many editors look, or in a folder above the first file, as protoc looks when it
 * is told that folder.
 */
function findImport(main: string, origin: string, target: string): string {
  const folders = [dirname(origin)]
  for (let folder = dirname(main), above = ''; folder !== above; above = folder, folder = dirname(folder)) {
    folders.push(folder)
  }
  const found = folders.map(folder => join(folder, target)).find(existsSync)
  if (found !== undefined) return found
  throw new RingcastError(
    'schema_invalid',
    `${origin} imports ${target}, which is neither beside it nor in a folder above ${main}: put it there, or give a ` +
      'descriptor set (protoc --include_imports --descriptor_set_out)',
  )
}

function typesOfSet(bytes: Buffer): protobuf.Root {
  let files: ReturnType<typeof decodeDescriptorSet>
  try {
    files = decodeDescriptorSet(bytes)
  } catch (cause) {
    throw new RingcastError('schema_invalid', 'must be a .proto file, or a descriptor set of protoc', {
      cause,
    })
  }
  if (files.length === 0) throw new RingcastError('schema_invalid', 'is a descriptor set without a file')
  const missing = missingImports(files)
  if (missing.length > 0) {
    throw new RingcastError(
      'schema_invalid',
      `lacks ${listed(missing)}: make the descriptor set with protoc --include_imports`,
    )
  }
  return typesOfDescriptors(files)
}
