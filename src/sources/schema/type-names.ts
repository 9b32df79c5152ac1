/**
 * Names the parts of protobuf types in messages for people. Any thread. Pure.
 */
import { protobuf } from '../../common/protobufjs.js'

/** `acme.md.Update`, without the dot that protobufjs puts in front. */
export function nameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '')
}

/** What a field holds: `string`, `repeated Quote`, `map<string, int64>`, `enum Side`, `google.protobuf.Timestamp`. */
export function typeOf(field: protobuf.Field): string {
  const { resolvedType } = field
  const type = resolvedType === null ? field.type : resolvedName(resolvedType)
  if (field instanceof protobuf.MapField) return `map<${field.keyType}, ${type}>`
  return field.repeated ? `repeated ${type}` : type
}

/** The fields and oneofs of a message by their names in the `.proto` file. A proto3 `optional` has no oneof here. */
export function memberNames(message: protobuf.Type): string[] {
  const oneofs = message.oneofsArray.filter(oneof => !isOptionalField(oneof))
  return [...message.fieldsArray, ...oneofs].map(({ name }) => name)
}

/**
 * Whether a oneof stands for a proto3 `optional` field. The reflection of @grpc/reflection leaves the mark out, and only
 * the name tells: compilers make it of the field's.
 */
export function isOptionalField(oneof: protobuf.OneOf): boolean {
  return oneof.isProto3Optional || (oneof.oneof.length === 1 && oneof.name === `_${oneof.oneof[0]}`)
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('')
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function resolvedName(type: protobuf.Type | protobuf.Enum): string {
  return type instanceof protobuf.Enum ? `enum ${nameOf(type)}` : nameOf(type)
}
