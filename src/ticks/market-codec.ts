/** The codec of quotes and trades, the `Tick` of proto/ringcast.proto. Any thread; it has no state. */
import { fieldHeadBytes } from './binary-tick.js'
import { MarketPositionReader } from './market-position-reader.js'
import { MARKET_KIND_NAMES } from './market-tick.js'
import { encodePushedTick } from './market-tick-encoder.js'
import { marketJsonPrefixes, TICK_JSON_BYTES_MAX } from './market-tick-json.js'
import { MarketTickReader } from './market-tick-reader.js'
import { TICK_BYTES_DEFAULT, type TickCodec } from './tick-codec.js'

// Numbers of the fields of TickBatch in proto/ringcast.proto.
const TICKS_FIELD = 1
const FIRST_POSITION_FIELD = 2

/** @param tickBytesMax the longest tick: a feed may send fields that Ringcast does not know */
export function marketCodecOf(tickBytesMax: number): TickCodec {
  return {
    kindCount: MARKET_KIND_NAMES.length,
    tickBytesMax,
    jsonBytesMax: TICK_JSON_BYTES_MAX,
    binaryBytesMax: fieldHeadBytes(tickBytesMax) + tickBytesMax,
    binaryNeedsDecode: false,
    batchPath: [TICKS_FIELD],
    firstPositionField: FIRST_POSITION_FIELD,
    createPositionReader: () => new MarketPositionReader(),
    createReader: bytes => new MarketTickReader(bytes, tickBytesMax),
    jsonPrefixes: marketJsonPrefixes,
    encodePushed: encodePushedTick,
  }
}

export const marketCodec = marketCodecOf(TICK_BYTES_DEFAULT)
