/**
 * Writes the ticks of a message of a feed as clients get them in JSON. Any thread. For a few ticks, to be looked at.
 */
import { BatchReader } from '../../ticks/batch-reader.js'
import { isUtf8 } from '../../ticks/schema/text-json.js'
import type { TickCodec, TickReader } from '../../ticks/tick-codec.js'

/** What a client sees in place of a tick. */
export type TickText = { readonly text: string } | 'malformed' | 'without a symbol'

export function tickTexts(codec: TickCodec, message: Uint8Array, form: 'tick' | 'batch'): TickText[] {
  const reader = codec.createReader(message)
  return rangesOf(message, 0, message.length, form === 'batch' ? codec.batchPath : []).map(([start, end]) => {
    if (!reader.decode(start, end)) return 'malformed'
    if (reader.symbolLength === 0) return 'without a symbol'
    // As the lane's table of symbols does.
    if (!isUtf8(message, reader.symbolStart, reader.symbolLength)) return 'malformed'
    return { text: textOf(codec, reader, message) }
  })
}

/** Where the ticks of a message are: the fields that the numbers of `path` lead to. */
function rangesOf(
  bytes: Uint8Array,
  start: number,
  end: number,
  [field, ...rest]: readonly number[],
): (readonly [number, number])[] {
  if (field === undefined) return [[start, end]]
  const ranges: (readonly [number, number])[] = []
  const batch = new BatchReader(field)
  batch.reset(bytes, start, end)
  while (batch.next()) ranges.push(...rangesOf(bytes, batch.tickStart, batch.tickEnd, rest))
  return ranges
}

function textOf(codec: TickCodec, reader: TickReader, bytes: Uint8Array): string {
  const { symbolStart, symbolLength } = reader
  const symbol = Buffer.from(bytes.subarray(symbolStart, symbolStart + symbolLength)).toString()
  const target = Buffer.alloc(codec.jsonBytesMax)
  const end = reader.writeJson(target, 0, codec.jsonPrefixes(symbol))
  return target.toString('utf8', 0, end)
}
