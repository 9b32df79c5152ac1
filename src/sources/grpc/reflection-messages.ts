/**
 * The messages of gRPC server reflection that are used here, which are the same in v1 and v1alpha. Any thread. Pure.
 * https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto
 */
import { protobuf } from '../../common/protobufjs.js'

/** One of the fields is set. */
export type ReflectionRequest =
  | { readonly list_services: '*' }
  | { readonly file_containing_symbol: string }
  | { readonly file_by_filename: string }

/** One of the fields is set. */
export interface ReflectionReply {
  readonly list_services_response?: { readonly service?: readonly { readonly name: string }[] }
  readonly file_descriptor_response?: { readonly file_descriptor_proto?: readonly Uint8Array[] }
  readonly error_response?: { readonly error_code?: number; readonly error_message?: string }
}

const { root } = protobuf.parse(
  `syntax = "proto3";
   message Request {
     oneof request { string file_by_filename = 3; string file_containing_symbol = 4; string list_services = 7; }
   }
   message Reply {
     oneof reply { Files file_descriptor_response = 4; Services list_services_response = 6; Failure error_response = 7; }
   }
   message Files { repeated bytes file_descriptor_proto = 1; }
   message Services { repeated Service service = 1; }
   message Service { string name = 1; }
   message Failure { int32 error_code = 1; string error_message = 2; }`,
  { keepCase: true },
)
const requestType = root.lookupType('Request')
const replyType = root.lookupType('Reply')

export function encodeReflectionRequest(request: ReflectionRequest): Buffer {
  return Buffer.from(requestType.encode(requestType.fromObject(request)).finish())
}

/** @throws Error when the bytes are no reply */
export function decodeReflectionReply(bytes: Uint8Array): ReflectionReply {
  return replyType.toObject(replyType.decode(bytes)) as ReflectionReply
}
