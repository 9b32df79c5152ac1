/**
 * A feed of another schema as its user describes it: the method, its request, and where the fields of a tick are.
 * Main thread. Pure. Every fault is reported at once, as far as one can be told before another is mended.
 */

import type { protobuf } from '../../common/protobufjs.js'
import { cutText } from '../../common/quote-value.js'
import { MappingRefusal } from '../../ticks/schema/schema-paths.js'
import { tickPlan } from '../../ticks/schema/tick-plan.js'
import type { TickSchema } from '../../ticks/tick-schema.js'
import { findMethod } from './feed-method.js'
import { checkMapping, type MappingPaths } from './mapping-check.js'
import { encodeRequest } from './request-json.js'
import { tickSchemaOf } from './tick-schema-of.js'
import { nameOf } from './type-names.js'

/** The reason holds what the request says. */
const REASON_LENGTH_MAX = 300

export interface ForeignFeed {
  /** 'acme.md.MarketData/Subscribe' */
  readonly method: string
  /** JSON of the request's protobuf message. Default: an empty message. */
  readonly request?: unknown
  readonly mapping: MappingPaths
}

/** What a feed of another schema is called and read with. */
export interface LoadedFeed {
  /** For the `StreamHandler`. */
  readonly schema: TickSchema
  /** For the `GrpcSource`. */
  readonly method: { readonly path: string; readonly request: Uint8Array; readonly form: 'tick' | 'batch' }
  /**
   * The cases of a oneof that have no symbol, each as a text such as `the case beat of the oneof event`. Their messages
   * are no ticks, and are skipped.
   */
  readonly withoutSymbol: readonly string[]
}

export interface FeedFault {
  readonly option: 'method' | 'request' | keyof MappingPaths
  /** What was given; undefined: nothing to be shown. */
  readonly given: string | undefined
  /** One sentence without its full stop. */
  readonly problem: string
}

export type CheckedFeed =
  | { readonly feed: LoadedFeed; readonly faults: undefined }
  | { readonly feed: undefined; readonly faults: readonly FeedFault[] }

export function checkForeignFeed(types: protobuf.Root, foreign: ForeignFeed): CheckedFeed {
  const method = findMethod(types, foreign.method)
  if (typeof method === 'string') {
    return { feed: undefined, faults: [{ option: 'method', given: foreign.method, problem: method }] }
  }
  const request = requestOf(method.request, foreign.request ?? {})
  const checked = checkMapping(method.message, foreign.mapping)
  if (typeof request === 'string' || checked.mapping === undefined) {
    const mappingFaults = (checked.faults ?? []).map(({ key, given, problem }) => ({
      option: key,
      given,
      problem,
    }))
    return {
      feed: undefined,
      faults:
        typeof request === 'string'
          ? [{ option: 'request', given: undefined, problem: request }, ...mappingFaults]
          : mappingFaults,
    }
  }
  const { mapping, withoutSymbol } = checked
  const form = mapping.repeated === undefined ? 'tick' : 'batch'
  const schema = tickSchemaOf(method.message, mapping)
  const fault = codecFault(schema, foreign.mapping)
  if (fault !== undefined) return { feed: undefined, faults: [fault] }
  return {
    feed: { schema, method: { path: method.path, request, form }, withoutSymbol },
    faults: undefined,
  }
}

/** A path may be right, and yet one that no codec can follow. */
function codecFault(schema: TickSchema, paths: MappingPaths): FeedFault | undefined {
  try {
    tickPlan(schema)
  } catch (error) {
    if (error instanceof MappingRefusal)
      return { option: error.key, given: paths[error.key], problem: error.rule }
    throw error
  }
  return undefined
}

function requestOf(type: protobuf.Type, json: unknown): Uint8Array | string {
  try {
    return encodeRequest(type, json)
  } catch (error) {
    const reason = cutText((error as Error).message, REASON_LENGTH_MAX)
    return `must be JSON of ${nameOf(type)}: ${reason.replace(/^\./, '')}`
  }
}
