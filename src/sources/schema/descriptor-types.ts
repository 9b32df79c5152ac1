/**
 * Makes types of the descriptors of compiled `.proto` files. Main thread. Pure.
 * The well-known types of google/protobuf need not be among them.
 */
import descriptor, { type IFileDescriptorProto } from 'protobufjs/ext/descriptor.js'
import { RingcastError } from '../../common/errors.js'
import { protobuf } from '../../common/protobufjs.js'

export type { IFileDescriptorProto }

// protobufjs bundles the other well-known types. Files that define options of their own import this one.
protobuf.common('google/protobuf/descriptor.proto', descriptor.FileDescriptorSet.root.toJSON())

/** @throws Error when the bytes are no `google.protobuf.FileDescriptorSet` */
export function decodeDescriptorSet(bytes: Uint8Array): IFileDescriptorProto[] {
  const { file } = descriptor.FileDescriptorSet.decode(bytes) as { file?: IFileDescriptorProto[] }
  return file ?? []
}

/** @throws Error when the bytes are no `google.protobuf.FileDescriptorProto` */
export function decodeFileDescriptor(bytes: Uint8Array): IFileDescriptorProto {
  return descriptor.FileDescriptorProto.decode(bytes) as IFileDescriptorProto
}

/** The names of the files that `files` import and that are neither among them nor well known. */
export function missingImports(files: readonly IFileDescriptorProto[]): string[] {
  return absentImports(files).filter(name => bundled(name) === null)
}

/** @throws RingcastError `schema_invalid` when the descriptors do not fit together */
export function typesOfDescriptors(files: readonly IFileDescriptorProto[]): protobuf.Root {
  try {
    const wellKnown = absentImports(files).flatMap(name => descriptorsOf(bundled(name)))
    return protobuf.Root.fromDescriptor({ file: [...wellKnown, ...files] }, { keepCase: true })
  } catch (cause) {
    const reason = (cause as Error).message
    throw new RingcastError('schema_invalid', `the descriptors do not fit together: ${reason}`, { cause })
  }
}

function absentImports(files: readonly IFileDescriptorProto[]): string[] {
  const present = new Set(files.map(({ name }) => name))
  const imports = new Set(files.flatMap(({ dependency = [] }) => dependency as string[]))
  return [...imports].filter(name => !present.has(name))
}

function bundled(name: string): protobuf.INamespace | null {
  return protobuf.common.get(name)
}

function descriptorsOf(namespace: protobuf.INamespace | null): IFileDescriptorProto[] {
  if (namespace === null) return []
  return protobuf.Root.fromJSON(namespace).toDescriptor('proto3').file ?? []
}
