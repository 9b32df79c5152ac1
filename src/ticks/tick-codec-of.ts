/** Chooses the codec of a stream. Main thread; workers/lane.ts loads a lane's own. */
import { marketCodecOf } from './market-codec.js'
import { schemaCodec } from './schema/schema-codec.js'
import type { TickCodec } from './tick-codec.js'
import type { TickSchema } from './tick-schema.js'

/**
 * @param schema of the user; undefined: quotes and trades
 * @throws RingcastError `option_invalid` when the schema is broken
 */
export function tickCodecOf(schema: TickSchema | undefined, tickBytesMax: number): TickCodec {
  return schema === undefined ? marketCodecOf(tickBytesMax) : schemaCodec(schema, tickBytesMax)
}
