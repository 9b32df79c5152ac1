/**
 * Follows a field path such as `header.symbol` or `event.symbol` through a message type. Main thread. Pure.
 * Where a segment names a oneof of messages, the path goes on in those of its cases that have the rest of it.
 */
import { protobuf } from '../../common/protobufjs.js'
import { suggestion } from '../../config/suggestion.js'
import { isOptionalField, listed, memberNames, nameOf, typeOf } from './type-names.js'

/** Where a path ends. */
export type PathEnd = protobuf.Field | protobuf.OneOf

export interface PathEnds {
  /** At least one. */
  readonly ends: readonly PathEnd[]
  /** The cases of oneofs in which the path has no end. */
  readonly lacking: readonly LackingCase[]
}

export interface LackingCase {
  /** `the case beat of the oneof event` */
  readonly place: string
  /** The same, with the fields that there are, or the one that may be meant. */
  readonly text: string
}

/** @returns one sentence that says why the path has no end */
export function followPath(message: protobuf.Type, path: string): PathEnds | string {
  return follow(message, path.split('.'))
}

function follow(message: protobuf.Type, [name = '', ...rest]: readonly string[]): PathEnds | string {
  const member = memberOf(message, name)
  if (member === undefined) return noSuchMember(message, name)
  if (rest.length === 0) return { ends: [member], lacking: [] }
  if (member instanceof protobuf.Field) return followField(member, rest)
  const ends: PathEnd[] = []
  const lacking: LackingCase[] = []
  let problem = ''
  for (const field of member.fieldsArray) {
    const within = followField(field, rest)
    if (typeof within === 'string') {
      const place = `the case ${field.name} of the oneof ${name}`
      // Which fields a message has, and whether one of them was meant.
      const text = field.resolvedType instanceof protobuf.Type ? `${place} (${within})` : place
      lacking.push({ place, text })
      problem ||= `${place} does not fit: ${within}`
      continue
    }
    ends.push(...within.ends)
    lacking.push(...within.lacking)
  }
  return ends.length === 0 ? problem : { ends, lacking }
}

function followField(field: protobuf.Field, rest: readonly string[]): PathEnds | string {
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
