/**
 * Encodes the request of a feed that a user writes as JSON of its protobuf message. Main thread. Pure.
 */
import protojson from 'protobufjs/ext/protojson.js'
import type { protobuf } from '../../common/protobufjs.js'

/**
 * @param json as https://protobuf.dev/programming-guides/json says; a field may have its name in the `.proto` file
 * @throws Error when `json` does not fit the message
 */
export function encodeRequest(type: protobuf.Type, json: unknown): Uint8Array {
  return type.encode(protojson.fromJson(type, json)).finish()
}
