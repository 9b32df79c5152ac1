/**
 * Cuts the types of a feed down to those that one message needs, as plain data for the lanes. Main thread. Pure.
 */
import { protobuf } from '../../common/protobufjs.js'

type Json = Record<string, unknown>

/** Reads back with `Root.fromJSON`. */
export function neededTypes(message: protobuf.Type): Readonly<Json> {
  const needed = new Set<protobuf.ReflectionObject>()
  collect(message, needed)
  return jsonOf(message.root, needed)
}

/** Adds a type, all that its fields refer to, and the types around it, which pass their edition on to it. */
function collect(type: protobuf.Type | protobuf.Enum, needed: Set<protobuf.ReflectionObject>): void {
  const waiting = [type]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (needed.has(next)) continue
    needed.add(next)
    if (next.parent instanceof protobuf.Type) waiting.push(next.parent)
    if (!(next instanceof protobuf.Type)) continue
    for (const field of next.fieldsArray) if (field.resolvedType !== null) waiting.push(field.resolvedType)
  }
}

function jsonOf(namespace: protobuf.NamespaceBase, needed: ReadonlySet<protobuf.ReflectionObject>): Json {
  const nested: Json = {}
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Type && needed.has(object)) {
      nested[object.name] = { ...object.toJSON(), nested: jsonOf(object, needed).nested }
    } else if (object instanceof protobuf.Enum) {
      if (needed.has(object)) nested[object.name] = object.toJSON()
    } else if (object instanceof protobuf.Namespace && !(object instanceof protobuf.Type)) {
      const within = object instanceof protobuf.Service ? {} : jsonOf(object, needed)
      if (within.nested !== undefined) nested[object.name] = within
    }
  }
  return Object.keys(nested).length === 0 ? {} : { nested }
}
