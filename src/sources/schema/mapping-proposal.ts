/**
 * Guesses from names and types where the fields of a tick stand in a message nobody here designed. Main thread. Pure.
 * A position is not guessed: where a field only looks like one, clients would be told of losses that there are not.
 */
import { protobuf } from '../../common/protobufjs.js'
import type { TimeUnit } from '../../ticks/tick-schema.js'
import { casesWithout, fits, isTickList, tickOf, timeKind } from './mapping-check.js'
import { isOptionalField } from './type-names.js'

export interface ProposedMapping {
  readonly repeated: string | undefined
  readonly symbol: string | undefined
  readonly kind: string | undefined
  readonly time:
    | { readonly path: string; readonly isTimestamp: boolean; readonly unit: TimeUnit | undefined }
    | undefined
  readonly sequence: string | undefined
}

/** Names that a field may have, without underscores, the likeliest first. */
const SYMBOL_NAMES = [
  'symbol',
  'ticker',
  'instrument',
  'sym',
  'instrumentid',
  'instrumentname',
  'security',
  'securityid',
  'productid',
  'product',
  'currencypair',
  'pair',
  'isin',
  'contract',
  'market',
]
const TIME_NAMES = [
  'sourcetime',
  'exchangetime',
  'transacttime',
  'eventtime',
  'timestamp',
  'time',
  'ts',
  'datetime',
  'createdat',
  'sentat',
  'at',
  'epoch',
]
const SEQUENCE_NAMES = [
  'sequence',
  'seq',
  'sequencenumber',
  'seqno',
  'seqnum',
  'sequenceid',
  'msgseqnum',
  'seqid',
]
const KIND_NAMES = ['kind', 'eventtype', 'updatetype', 'messagetype', 'msgtype', 'ticktype', 'type']

/** Ends of names that tell a unit. */
const UNIT_OF_ENDING: readonly (readonly [RegExp, TimeUnit])[] = [
  [/_?(ns|nanos|nanoseconds|nsec)$/, 'ns'],
  [/_?(us|micros|microseconds|usec)$/, 'us'],
  [/_?(ms|millis|milliseconds|msec)$/, 'ms'],
  [/_(s|sec|secs|seconds)$/, 's'],
]
/** Deeper fields are seldom those of the tick. */
const DEPTH_MAX = 3

/** @param message the streamed message */
export function proposeMapping(message: protobuf.Type): ProposedMapping {
  const repeated = hasSymbol(message)
    ? undefined
    : message.fieldsArray
        .filter(field => isTickList(field) && !field.delimited)
        .find(field => hasSymbol(field.resolvedType as protobuf.Type))?.name
  const tick = tickOf(message, repeated)
  const paths = pathsOf(tick, DEPTH_MAX)
  const symbol = proposeSymbol(tick, paths)
  const ofTicks = symbol === undefined ? paths : paths.filter(path => isInTicks(tick, path, symbol))
  return {
    repeated,
    symbol,
    kind: eventOneof(tick) ?? likeliest(ofTicks, KIND_NAMES, path => fits(tick, 'kind', path)),
    time: proposeTime(tick, ofTicks),
    sequence: likeliest(ofTicks, SEQUENCE_NAMES, path => fits(tick, 'sequence', path)),
  }
}

/** Whether the path has an end in each case of a oneof that has a symbol. */
function isInTicks(tick: protobuf.Type, path: string, symbol: string): boolean {
  const noTicks = casesWithout(tick, symbol).map(({ place }) => place)
  return casesWithout(tick, path).every(({ place }) => noTicks.includes(place))
}

function hasSymbol(message: protobuf.Type): boolean {
  return proposeSymbol(message, pathsOf(message, DEPTH_MAX)) !== undefined
}

/** One that every tick has, before one that some cases of a oneof lack. */
function proposeSymbol(tick: protobuf.Type, paths: readonly string[]): string | undefined {
  const fitting = paths.filter(path => fits(tick, 'symbol', path))
  const everywhere = fitting.filter(path => casesWithout(tick, path).length === 0)
  return likeliest(everywhere, SYMBOL_NAMES, () => true) ?? likeliest(fitting, SYMBOL_NAMES, () => true)
}

function proposeTime(tick: protobuf.Type, paths: readonly string[]): ProposedMapping['time'] {
  const path =
    likeliest(paths, TIME_NAMES, each => timeKind(tick, each) !== undefined, withoutUnit) ??
    paths.find(each => timeKind(tick, each) === 'timestamp')
  if (path === undefined) return undefined
  return { path, isTimestamp: timeKind(tick, path) === 'timestamp', unit: unitOf(lastName(path)) }
}

/** A oneof of several messages: quote or trade, book or ticker. Another case may be a text or a number. */
function eventOneof(tick: protobuf.Type): string | undefined {
  return tick.oneofsArray.find(oneof => oneof.fieldsArray.filter(holdsMessage).length > 1)?.name
}

function holdsMessage({ resolvedType }: protobuf.Field): boolean {
  return resolvedType instanceof protobuf.Type
}

/** Paths to fields. Through a oneof by the name of the oneof, never by that of a case: a tick of another case lacks it. */
function pathsOf(message: protobuf.Type, depth: number): string[] {
  const paths: string[] = []
  for (const field of message.fieldsArray) {
    if (field.repeated || field.map || isCase(field)) continue
    paths.push(field.name)
    if (field.resolvedType instanceof protobuf.Type && depth > 1) {
      paths.push(...pathsOf(field.resolvedType, depth - 1).map(path => `${field.name}.${path}`))
    }
  }
  for (const oneof of message.oneofsArray) {
    if (isOptionalField(oneof) || depth === 1) continue
    for (const { resolvedType } of oneof.fieldsArray) {
      if (!(resolvedType instanceof protobuf.Type)) continue
      paths.push(...pathsOf(resolvedType, depth - 1).map(path => `${oneof.name}.${path}`))
    }
  }
  return [...new Set(paths)]
}

function isCase(field: protobuf.Field): boolean {
  return field.partOf !== null && !isOptionalField(field.partOf)
}

/** Of the paths that fit, the one with the likeliest name; of those, the shortest one. */
function likeliest(
  paths: readonly string[],
  names: readonly string[],
  isRight: (path: string) => boolean,
  bare: (name: string) => string = name => name,
): string | undefined {
  let best: string | undefined
  let bestRank = Number.POSITIVE_INFINITY
  for (const path of paths) {
    const name = bare(lastName(path)).replaceAll('_', '').toLowerCase()
    const index = names.indexOf(name)
    const endsWith = names.findIndex(known => known.length > 3 && name.endsWith(known))
    if (index < 0 && endsWith < 0) continue
    // A whole name before a part of one, then the order of the names, then the depth.
    const rank = (index >= 0 ? index : names.length + endsWith) * 10 + path.split('.').length
    if (rank < bestRank && isRight(path)) {
      best = path
      bestRank = rank
    }
  }
  return best
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1)
}

function unitOf(name: string): TimeUnit | undefined {
  return UNIT_OF_ENDING.find(([ending]) => ending.test(name.toLowerCase()))?.[1]
}

function withoutUnit(name: string): string {
  const ending = UNIT_OF_ENDING.find(([each]) => each.test(name.toLowerCase()))?.[0]
  return ending === undefined ? name : name.toLowerCase().replace(ending, '')
}
