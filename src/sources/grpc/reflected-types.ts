/**
 * Asks a feed for its services and their types by gRPC server reflection: v1, then v1alpha. Main thread.
 */
import { RingcastError } from '../../common/errors.js'
import { protobuf } from '../../common/protobufjs.js'
import {
  decodeFileDescriptor,
  type IFileDescriptorProto,
  missingImports,
  typesOfDescriptors,
} from '../schema/descriptor-types.js'
import type { GrpcTarget } from './grpc-target.js'
import type { ReflectionReply } from './reflection-messages.js'
import { ReflectionFailure, ReflectionStream } from './reflection-stream.js'

/** Services of gRPC itself, which no feed streams ticks with. */
const INFRASTRUCTURE = /^grpc\.(reflection|health|channelz|admin)\./
/** A feed that sends more is not a feed. */
const FILES_MAX = 5000
const BYTES_MAX = 64 * 1024 * 1024

/**
 * @param service the service whose types are needed; undefined: all. If there is no such one, the types returned are
 *   services without methods
 * @param signal ends the call, which then fails
 * @throws ReflectionFailure when the feed cannot be reached, or fails
 * @throws RingcastError `schema_invalid` when it has no reflection, or types that cannot be read
 */
export async function reflectedTypes(
  target: GrpcTarget,
  service?: string,
  signal?: AbortSignal,
): Promise<protobuf.Root> {
  if (signal?.aborted) throw new ReflectionFailure('the call was ended')
  const { stream, services } = await openStream(target, signal)
  const onAbort = () => stream.close()
  signal?.addEventListener('abort', onAbort)
  try {
    if (service !== undefined && !services.includes(service)) return emptyServices(services)
    const wanted = service === undefined ? services : [service]
    return typesOfDescriptors(await filesOf(stream, wanted))
  } catch (cause) {
    if (cause instanceof RingcastError || cause instanceof ReflectionFailure) throw cause
    // Of the library that decodes: bytes that are no descriptor, or names that are none.
    const reason = (cause as Error).message
    throw new RingcastError(
      'schema_invalid',
      `the reflection of the feed tells types that cannot be read: ${reason}; give its .proto file or a descriptor set`,
      { cause },
    )
  } finally {
    signal?.removeEventListener('abort', onAbort)
    stream.close()
  }
}

async function openStream(
  target: GrpcTarget,
  signal: AbortSignal | undefined,
): Promise<{ stream: ReflectionStream; services: string[] }> {
  for (const version of ['v1', 'v1alpha'] as const) {
    const stream = new ReflectionStream(target, version)
    const onAbort = () => stream.close()
    signal?.addEventListener('abort', onAbort)
    try {
      const { list_services_response: list } = await stream.ask({ list_services: '*' })
      const names = (list?.service ?? []).map(({ name }) => name)
      return { stream, services: names.filter(name => !INFRASTRUCTURE.test(name)).sort() }
    } catch (error) {
      stream.close()
      if (!(error instanceof ReflectionFailure && error.isUnimplemented)) throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }
  throw new RingcastError(
    'schema_invalid',
    `the feed at ${target.target} has no gRPC server reflection: give its .proto file or a descriptor set`,
  )
}

/** Services without methods: enough to say which ones there are. */
function emptyServices(names: readonly string[]): protobuf.Root {
  const root = new protobuf.Root()
  for (const name of names) {
    const dot = name.lastIndexOf('.')
    const parent = dot < 0 ? root : root.define(name.slice(0, dot))
    parent.add(new protobuf.Service(name.slice(dot + 1)))
  }
  return root
}

/** The files of the services, and all that they import. */
async function filesOf(
  stream: ReflectionStream,
  services: readonly string[],
): Promise<IFileDescriptorProto[]> {
  const files = new Map<string, IFileDescriptorProto>()
  let bytesTotal = 0
  const take = (reply: ReflectionReply, what: string) => {
    const { error_response: failure, file_descriptor_response: found } = reply
    const received = found?.file_descriptor_proto ?? []
    if (received.length === 0) {
      const reason = failure?.error_message === undefined ? '' : `: ${failure.error_message}`
      throw new RingcastError(
        'schema_invalid',
        `the reflection of the feed does not tell ${what}${reason}; give its .proto file or a descriptor set`,
      )
    }
    for (const bytes of received) {
      bytesTotal += bytes.length
      const file = decodeFileDescriptor(bytes)
      files.set(file.name ?? '', file)
    }
    if (files.size > FILES_MAX || bytesTotal > BYTES_MAX) {
      throw new RingcastError(
        'schema_invalid',
        `the reflection of the feed tells more than ${FILES_MAX} files or ${BYTES_MAX} bytes: give its .proto file`,
      )
    }
  }
  for (const service of services) take(await stream.ask({ file_containing_symbol: service }), service)
  for (;;) {
    const [missing] = missingImports([...files.values()])
    if (missing === undefined) return [...files.values()]
    take(await stream.ask({ file_by_filename: missing }), missing)
    if (!files.has(missing)) {
      throw new RingcastError(
        'schema_invalid',
        `the reflection of the feed tells another file than ${missing}`,
      )
    }
  }
}
