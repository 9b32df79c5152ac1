/**
 * Writes services and messages as text for people. Main thread. Pure.
 */
import { protobuf } from '../../common/protobufjs.js'
import { servicesOf } from './feed-method.js'
import { isOptionalField, nameOf, typeOf } from './type-names.js'

/** A message that holds itself, or more than anybody reads, ends in "…". */
const DEPTH_MAX = 6
const LINES_MAX = 500

/** Each service with its methods. */
export function serviceLines(types: protobuf.Root): string[] {
  return servicesOf(types).flatMap(service => {
    const width = Math.max(...service.methodsArray.map(({ name }) => name.length))
    const methods = service.methodsArray.map(method => {
      const request = `${method.requestStream ? 'stream ' : ''}${typeName(method.resolvedRequestType)}`
      const reply = `${method.responseStream ? 'stream ' : ''}${typeName(method.resolvedResponseType)}`
      return `  ${method.name.padEnd(width)}  ${request} -> ${reply}`
    })
    return [nameOf(service), ...methods]
  })
}

/** A message with its fields and theirs, indented. */
export function messageLines(message: protobuf.Type): string[] {
  const lines = [nameOf(message), ...memberLines(message, '  ', [message])]
  return lines.length > LINES_MAX ? [...lines.slice(0, LINES_MAX), '…'] : lines
}

function memberLines(message: protobuf.Type, indent: string, around: readonly protobuf.Type[]): string[] {
  const lines: string[] = []
  const told = new Set<protobuf.OneOf>()
  for (const field of message.fieldsArray) {
    const { partOf } = field
    if (partOf === null || isOptionalField(partOf)) {
      lines.push(...fieldLines(field, indent, around))
    } else if (!told.has(partOf)) {
      told.add(partOf)
      lines.push(`${indent}oneof ${partOf.name}`)
      for (const each of partOf.fieldsArray) {
        if (lines.length > LINES_MAX) break
        lines.push(...fieldLines(each, `${indent}  `, around))
      }
    }
    if (lines.length > LINES_MAX) break
  }
  return lines
}

function fieldLines(field: protobuf.Field, indent: string, around: readonly protobuf.Type[]): string[] {
  const { resolvedType } = field
  const line = `${indent}${field.name}: ${typeOf(field)}`
  if (resolvedType instanceof protobuf.Enum)
    return [`${line} (${Object.keys(resolvedType.values).join(', ')})`]
  // Everybody knows a timestamp.
  if (!(resolvedType instanceof protobuf.Type) || nameOf(resolvedType).startsWith('google.protobuf.'))
    return [line]
  if (around.includes(resolvedType) || around.length >= DEPTH_MAX) return [`${line} …`]
  return [line, ...memberLines(resolvedType, `${indent}  `, [...around, resolvedType])]
}

function typeName(type: protobuf.Type | null): string {
  return type === null ? '?' : nameOf(type)
}
