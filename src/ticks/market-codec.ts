/** The codec of quotes and trades, the `Tick` of proto/ringcast.proto. Any thread; it has no state. */
import { MARKET_KIND_NAMES } from './market-tick.js'
import { encodePushedTick } from './market-tick-encoder.js'
import { marketJsonPrefixes, TICK_JSON_BYTES_MAX } from './market-tick-json.js'
import { MarketTickReader } from './market-tick-reader.js'
import type { TickCodec } from './tick-codec.js'

export const marketCodec: TickCodec = {
  kindNames: MARKET_KIND_NAMES,
  jsonBytesMax: TICK_JSON_BYTES_MAX,
  createReader: bytes => new MarketTickReader(bytes),
  jsonPrefixes: marketJsonPrefixes,
  encodePushed: encodePushedTick,
}
