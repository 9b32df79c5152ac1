/**
 * Follows a field path such as `header.symbol` or `event.symbol` through a message type. Main thread. Pure.
 * Where a segment names a oneof of messages, the path goes on in each of its cases: it has an end in each of them.
 */
import { protobuf } from '../../common/protobufjs.js'
import { suggestion } from '../../config/suggestion.js'
import { isOptionalField, listed, memberNames, nameOf, typeOf } from './type-names.js'

/** Where a path ends. */
export type PathEnd = protobuf.Field | protobuf.OneOf

/** @returns the ends of the path, at least one, or one sentence that says why there is none */
export function followPath(message: protobuf.Type, path: string): PathEnd[] | string {
  return follow(message, path.split('.'))
}

function follow(message: protobuf.Type, [name = '', ...rest]: readonly string[]): PathEnd[] | string {
  const member = memberOf(message, name)
  if (member === undefined) return noSuchMember(message, name)
  if (rest.length === 0) return [member]
  if (member instanceof protobuf.Field) return followField(member, rest)
  const ends: PathEnd[] = []
  for (const field of member.fieldsArray) {
    const within = followField(field, rest)
    if (typeof within === 'string')
      return `the case ${field.name} of the oneof ${name} does not fit: ${within}`
    ends.push(...within)
  }
  return ends
}

function followField(field: protobuf.Field, rest: readonly string[]): PathEnd[] | string {
  const { name, parent, resolvedType } = field
  const place = `${name} of ${nameOf(parent!)}`
  if (field.repeated || field.map) {
    return `${place} is ${typeOf(field)}, and a path leads through single messages only: end it before ${name}`
  }
  if (!(resolvedType instanceof protobuf.Type)) {
    return `${place} is ${typeOf(field)}, which has no fields: end the path with ${name}`
  }
  return follow(resolvedType, rest)
}

function memberOf(message: protobuf.Type, name: string): PathEnd | undefined {
  if (Object.hasOwn(message.fields, name)) return message.fields[name]
  return message.oneofsArray.find(oneof => oneof.name === name && !isOptionalField(oneof))
}

function noSuchMember(message: protobuf.Type, name: string): string {
  const known = memberNames(message)
  const meant = suggestion(name, known)
  const advice =
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length === 0
        ? 'it has no fields'
        : `it has ${listed(known)}`
  return `${nameOf(message)} has no field ${name === '' ? 'without a name' : name}; ${advice}`
}
