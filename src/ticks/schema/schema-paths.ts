/**
 * Finds the fields that a mapping's paths name. Any thread; runs when a codec is made.
 * A segment names a field by its name in the `.proto` file or in JSON. Where it names a oneof, the path has a branch
 * for each case.
 */
import { RingcastError } from '../../common/errors.js'
import { protobuf } from '../../common/protobufjs.js'
import type { TickMapping, TickSchema } from '../tick-schema.js'
import { jsonNameOf } from './plan-compiler.js'

/** The fields from the message down to the one that the path names. */
export type Branch = readonly protobuf.Field[]

/** What the path of the kind names. */
export interface OneofPath {
  /** The fields down to the message that has the oneof. */
  readonly above: Branch
  readonly oneof: protobuf.OneOf
}

/** @throws RingcastError `option_invalid` when the types are broken or lack the message */
export function messageOf({ message, types }: TickSchema): protobuf.Type {
  try {
    const root = protobuf.Root.fromJSON(types as protobuf.INamespace)
    root.resolveAll()
    return root.lookupType(message)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new RingcastError('option_invalid', `schema: must hold the message ${message}: ${reason}`, {
      cause,
    })
  }
}

export class SchemaPaths {
  private readonly type: protobuf.Type

  /** @param type of the message at which the paths begin */
  constructor(type: protobuf.Type) {
    this.type = type
  }

  /** @throws RingcastError `option_invalid` when the path names no field */
  branchesOf(name: keyof TickMapping, path: string): readonly Branch[] {
    const found = branches(this.type, path.split('.'))
    if (found.length === 0)
      refuse(name, path, `must name a field of ${nameOf(this.type)}, and no oneof within another one`)
    return found
  }

  /**
   * The oneof that the path of the kind ends with; undefined when it ends with a field.
   *
   * @throws MappingRefusal when there are several
   */
  oneofOf(path: string): OneofPath | undefined {
    const segments = path.split('.')
    const last = segments.pop()!
    const above = segments.length === 0 ? [[]] : branches(this.type, segments)
    const found = above.flatMap(branch => {
      const type = branch.length === 0 ? this.type : branch.at(-1)!.resolvedType
      const oneof = type instanceof protobuf.Type ? oneofNamed(type, last) : undefined
      return oneof === undefined ? [] : [{ above: branch, oneof }]
    })
    if (found.length > 1) refuse('kind', path, 'must name one oneof, and several cases on the way have one')
    return found[0]
  }
}

/** The repeated message fields on the way to the ticks, from the streamed message on. */
export function batchFields(type: protobuf.Type, path: string): Branch {
  const fields: protobuf.Field[] = []
  let message = type
  for (const segment of path.split('.')) {
    const field = fieldNamed(message, segment)
    if (field === undefined && oneofNamed(message, segment) !== undefined)
      refuse('repeated', path, `must name a case of the oneof ${segment}, and not the oneof`)
    if (field?.delimited) refuse('repeated', path, `must lead through messages, and ${segment} is a group`)
    if (field === undefined || !(field.resolvedType instanceof protobuf.Type) || field.map)
      refuse('repeated', path, `must name a repeated message of ${nameOf(type)}`)
    fields.push(field)
    message = field.resolvedType
  }
  if (!fields.at(-1)!.repeated) refuse('repeated', path, `must name a repeated message of ${nameOf(type)}`)
  return fields
}

/** A path of the mapping that the codec cannot follow. */
export class MappingRefusal extends RingcastError {
  readonly key: keyof TickMapping
  readonly path: string
  readonly rule: string

  constructor(key: keyof TickMapping, path: string, rule: string) {
    super('option_invalid', `schema.mapping.${key}=${path}: ${rule}`)
    this.key = key
    this.path = path
    this.rule = rule
  }
}

/** @throws MappingRefusal */
export function refuse(name: keyof TickMapping, path: string, rule: string): never {
  throw new MappingRefusal(name, path, rule)
}

function branches(type: protobuf.Type, [segment = '', ...rest]: readonly string[]): Branch[] {
  const field = fieldNamed(type, segment)
  if (field !== undefined) return branchesThrough(field, rest)
  const oneof = oneofNamed(type, segment)
  if (oneof === undefined || rest.length === 0) return []
  return oneof.fieldsArray.flatMap(member => branchesThrough(member, rest))
}

function branchesThrough(field: protobuf.Field, rest: readonly string[]): Branch[] {
  if (field.repeated || field.map) return []
  if (rest.length === 0) return [[field]]
  if (!(field.resolvedType instanceof protobuf.Type)) return []
  return branches(field.resolvedType, rest).map(branch => [field, ...branch])
}

function fieldNamed({ fieldsArray }: protobuf.Type, segment: string): protobuf.Field | undefined {
  return (
    fieldsArray.find(({ name, protoName }) => segment === (protoName ?? name)) ??
    fieldsArray.find(field => segment === field.name || segment === jsonNameOf(field))
  )
}

function oneofNamed({ oneofsArray }: protobuf.Type, segment: string): protobuf.OneOf | undefined {
  return oneofsArray.find(({ name }) => name === segment)
}

function nameOf({ fullName }: protobuf.Type): string {
  return fullName.slice(1)
}
