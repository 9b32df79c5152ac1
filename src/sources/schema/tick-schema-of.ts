/**
 * Makes the tick schema of a streamed message. Main thread. Pure.
 */
import type { protobuf } from '../../common/protobufjs.js'
import type { TickMapping, TickSchema } from '../../ticks/tick-schema.js'
import { neededTypes } from './needed-types.js'
import { nameOf } from './type-names.js'

/** @param mapping as `checkMapping` returns it for this message */
export function tickSchemaOf(message: protobuf.Type, mapping: TickMapping): TickSchema {
  return { types: neededTypes(message), message: nameOf(message), mapping }
}
