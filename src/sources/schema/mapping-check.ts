/**
 * Checks where the fields that every tick has stand in a message of the user's own. Main thread. Pure.
 * Every fault is reported at once.
 */
import { protobuf } from '../../common/protobufjs.js'
import type { TickMapping, TimeUnit } from '../../ticks/tick-schema.js'
import { followPath, type LackingCase, type PathEnd, type PathEnds } from './field-path.js'
import { nameOf, typeOf } from './type-names.js'

/** The paths as a user gives them. Paths other than `repeated` begin at the tick. */
export interface MappingPaths {
  readonly repeated?: string | undefined
  readonly symbol: string
  readonly kind?: string | undefined
  /** A path, followed by `:ns`, `:us`, `:ms` or `:s` unless it leads to a `google.protobuf.Timestamp`. */
  readonly time?: string | undefined
  readonly sequence?: string | undefined
  readonly position?: string | undefined
}

export type MappingKey = keyof MappingPaths

export interface MappingFault {
  readonly key: MappingKey
  readonly given: string
  /** One sentence without its full stop. */
  readonly problem: string
}

export type CheckedMapping =
  | {
      readonly mapping: TickMapping
      /** The cases of a oneof that have no symbol, each as a text. Such messages are no ticks. */
      readonly withoutSymbol: readonly string[]
      readonly faults: undefined
    }
  | { readonly mapping: undefined; readonly faults: readonly MappingFault[] }

const TIMESTAMP = 'google.protobuf.Timestamp'
const TIME_UNITS: readonly string[] = ['ns', 'us', 'ms', 's'] satisfies TimeUnit[]
const INTEGERS: ReadonlySet<string> = new Set([
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
])

/** @param message the streamed message */
export function checkMapping(message: protobuf.Type, paths: MappingPaths): CheckedMapping {
  const faults: MappingFault[] = []
  const check = (key: MappingKey, from: protobuf.Type, path: string | undefined, rule: EndRule) => {
    const problem = path === undefined ? undefined : problemOf(from, path, rule)
    if (problem !== undefined) faults.push({ key, given: paths[key]!, problem })
  }
  check('repeated', message, paths.repeated, repeatedRule)
  // Below a repeated field that does not exist there is nothing to look at.
  const tick = faults.length > 0 ? undefined : tickOf(message, paths.repeated)
  const time = paths.time === undefined ? undefined : splitTime(paths.time)
  if (tick !== undefined) {
    check('symbol', tick, paths.symbol, symbolRule)
    check('kind', tick, paths.kind, kindRule)
    check('time', tick, time?.path, timeRule(time?.unit))
    check('sequence', tick, paths.sequence, sequenceRule)
    check('position', tick, paths.position, positionRule)
  }
  if (tick === undefined || faults.length > 0) return { mapping: undefined, faults }
  return {
    faults: undefined,
    withoutSymbol: casesWithout(tick, paths.symbol).map(({ text }) => text),
    mapping: {
      repeated: paths.repeated,
      symbol: paths.symbol,
      kind: paths.kind,
      // A timestamp has its own unit, and the codec does not look at this one.
      time: time && { path: time.path, unit: (time.unit ?? 'ns') as TimeUnit },
      sequence: paths.sequence,
      position: paths.position,
    },
  }
}

/** The cases of oneofs on the path that lack the rest of it. */
export function casesWithout(tick: protobuf.Type, path: string): readonly LackingCase[] {
  const followed = followPath(tick, path)
  return typeof followed === 'string' ? [] : followed.lacking
}

/** Whether a path would be right for a setting of the mapping, other than `repeated`. */
export function fits(tick: protobuf.Type, key: 'symbol' | 'kind' | 'sequence', path: string): boolean {
  const rule = { symbol: symbolRule, kind: kindRule, sequence: sequenceRule }[key]
  return problemOf(tick, path, rule) === undefined
}

/** Whether a path leads to a timestamp or, with a unit, to an integer. A string is seldom a time that has a unit. */
export function timeKind(tick: protobuf.Type, path: string): 'timestamp' | 'integer' | undefined {
  const followed = followPath(tick, path)
  if (typeof followed === 'string') return undefined
  const every = (holds: (field: protobuf.Field) => boolean) =>
    followed.ends.every(end => end instanceof protobuf.Field && holds(end))
  if (every(isTimestamp)) return 'timestamp'
  return every(isInteger) ? 'integer' : undefined
}

/** The message of one tick: the streamed message, or that of its repeated field. The path must be right. */
export function tickOf(message: protobuf.Type, repeated: string | undefined): protobuf.Type {
  if (repeated === undefined) return message
  const { ends } = followPath(message, repeated) as PathEnds
  return (ends[0] as protobuf.Field).resolvedType as protobuf.Type
}

function isInteger(field: protobuf.Field): boolean {
  return isSingle(field) && INTEGERS.has(field.type)
}

function isTimestamp(field: protobuf.Field): boolean {
  return isSingle(field) && field.resolvedType !== null && nameOf(field.resolvedType) === TIMESTAMP
}

function isText(field: protobuf.Field): boolean {
  return isSingle(field) && field.type === 'string'
}

function isEnum(field: protobuf.Field): boolean {
  return isSingle(field) && field.resolvedType instanceof protobuf.Enum
}

export function isTickList(field: protobuf.Field): boolean {
  return field.repeated && !field.map && field.resolvedType instanceof protobuf.Type
}

function isSingle(field: protobuf.Field): boolean {
  return !field.repeated && !field.map
}

/** Says what is wrong with an end of `path`; undefined: nothing. */
type EndRule = (end: PathEnd, path: string) => string | undefined

function fieldRule(holds: (field: protobuf.Field) => boolean, wanted: string): EndRule {
  return (end, path) => {
    if (end instanceof protobuf.Field && holds(end)) return undefined
    return `${described(end)}: name ${wanted}${example(end, path, holds)}`
  }
}

const isSequence = (field: protobuf.Field) => isInteger(field) || isText(field)
const isTime = (field: protobuf.Field) => isInteger(field) || isText(field) || isTimestamp(field)

const repeatedRule = fieldRule(isTickList, 'a repeated field of messages')
const symbolRule = fieldRule(isText, 'a string')
const sequenceRule = fieldRule(isSequence, 'an integer or a string of one')
const positionRule = fieldRule(isInteger, 'an integer')
const anyTimeRule = fieldRule(isTime, `an integer, a string of one or a ${TIMESTAMP}`)

const kindRule: EndRule = end => {
  if (end instanceof protobuf.OneOf || isEnum(end) || isText(end)) return undefined
  return `${described(end)}: name an enum, a string or a oneof`
}

/** @param unit undefined: none was given */
function timeRule(unit: string | undefined): EndRule {
  return (end, path) => {
    const problem = anyTimeRule(end, path)
    if (problem !== undefined) return problem
    const hasOwnUnit = isTimestamp(end as protobuf.Field)
    if (hasOwnUnit) {
      return unit === undefined ? undefined : `${described(end)}, which has its own unit: leave out :${unit}`
    }
    if (unit === undefined) return `${described(end)} and needs a unit: write ${path}:ns, :us, :ms or :s`
    return TIME_UNITS.includes(unit)
      ? undefined
      : `the unit ${unit} is unknown: write ${path}:ns, :us, :ms or :s`
  }
}

function problemOf(from: protobuf.Type, path: string, rule: EndRule): string | undefined {
  const followed = followPath(from, path)
  if (typeof followed === 'string') return followed
  for (const end of followed.ends) {
    const problem = rule(end, path)
    if (problem !== undefined) return problem
  }
  return undefined
}

function splitTime(text: string): { readonly path: string; readonly unit: string | undefined } {
  const colon = text.indexOf(':')
  return colon < 0
    ? { path: text, unit: undefined }
    : { path: text.slice(0, colon), unit: text.slice(colon + 1) }
}

function described(end: PathEnd): string {
  const place = `${end.name} of ${nameOf(end.parent!)}`
  return end instanceof protobuf.OneOf ? `${place} is a oneof` : `${place} is ${typeOf(end)}`
}

/** A right field within the end: whoever names the message that holds the symbol meant the symbol in it. */
function example(end: PathEnd, path: string, holds: (field: protobuf.Field) => boolean): string {
  if (!(end instanceof protobuf.Field) || !isSingle(end)) return ''
  const message = end.resolvedType
  const field = message instanceof protobuf.Type ? message.fieldsArray.find(holds) : undefined
  return field === undefined ? '' : `, such as ${path}.${field.name}`
}
