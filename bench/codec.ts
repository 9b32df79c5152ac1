/**
 * Question: what does a schema of a user's own cost, compared with the built-in one?
 * Workload: the same bytes, quotes of eight fields and a position, are decoded and written as JSON by both codecs, one
 *   after another. Baseline: the market codec, written by hand. Also protobufjs, with an object and `JSON.stringify`.
 * Leaves out: the message around the ticks, see gather.
 */
import { protobuf } from '../src/common/protobufjs.js'
import { marketCodec } from '../src/ticks/market-codec.js'
import { schemaCodec } from '../src/ticks/schema/schema-codec.js'
import type { TickCodec } from '../src/ticks/tick-codec.js'
import type { TickSchema } from '../src/ticks/tick-schema.js'
import type { Benchmark, BenchmarkOptions, Table } from './benchmark.js'
import { sharedTicks } from './decode.js'
import { figuresTable, type MicroTask, measure } from './micro.js'
import { decodeTick, tickJson } from './peers/protobuf-ticks.js'
import { type Ticks, ticksOfMarket } from './ticks.js'

export const codec: Benchmark = { name: 'codec', run }

const PROTO = `syntax = "proto3"; package bench;
  enum Kind { none = 0; quote = 1; }
  message Quote {
    string symbol = 1; Kind kind = 2; uint64 sequence = 3; int64 source_time_ns = 4;
    double bid = 5; double bid_size = 6; double ask = 7; double ask_size = 8; uint64 position = 11;
  }`

const SCHEMA: TickSchema = {
  types: { ...protobuf.parse(PROTO).root.resolveAll().toJSON() },
  message: 'bench.Quote',
  mapping: {
    repeated: undefined,
    symbol: 'symbol',
    kind: 'kind',
    time: { path: 'source_time_ns', unit: 'ns' },
    sequence: 'sequence',
    position: 'position',
  },
}

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const all = await ticksOfMarket(options.small ? 64 : 2048)
  const quotes = { ...all, messages: all.messages.filter(message => decodeTick(message).kind === 1) }
  const user = schemaCodec(SCHEMA)
  check(quotes, user)
  const { messages } = quotes
  const notes = [`Quotes: ${quotes.origin}, ${messages.length} of them.`]
  const decodes = [decodeOf('market codec', quotes, marketCodec), decodeOf('schema codec', quotes, user)]
  const whole = [
    jsonOf('market codec', quotes, marketCodec),
    jsonOf('schema codec', quotes, user),
    {
      name: 'protobufjs `decode` and `JSON.stringify`',
      operations: messages.length,
      run() {
        for (const message of messages)
          if (JSON.stringify(tickJson(decodeTick(message))) === '') throw new Error()
      },
    },
  ]
  return [
    figuresTable('codec: decode one tick', await measure(decodes, options), notes),
    figuresTable('codec: decode one tick and write it as JSON', await measure(whole, options), notes),
  ]
}

function decodeOf(name: string, ticks: Ticks, tickCodec: TickCodec): MicroTask {
  const { bytes, starts } = sharedTicks(ticks)
  const reader = tickCodec.createReader(bytes)
  const operations = ticks.messages.length
  return {
    name,
    operations,
    run() {
      for (let index = 0; index < operations; index++)
        if (!reader.decode(starts[index]!, starts[index + 1]!)) throw new Error('no tick')
    },
  }
}

function jsonOf(name: string, ticks: Ticks, tickCodec: TickCodec): MicroTask {
  const { bytes, starts } = sharedTicks(ticks)
  const reader = tickCodec.createReader(bytes)
  const operations = ticks.messages.length
  const prefixes = ticks.messages.map(message => tickCodec.jsonPrefixes(decodeTick(message).symbol))
  const target = new Uint8Array(new SharedArrayBuffer(tickCodec.jsonBytesMax))
  return {
    name,
    operations,
    run() {
      for (let index = 0; index < operations; index++) {
        if (!reader.decode(starts[index]!, starts[index + 1]!)) throw new Error('no tick')
        reader.writeJson(target, 0, prefixes[index]!)
      }
    },
  }
}

/** Both codecs must give the same JSON, but for the position, which only the schema shows. */
function check({ messages }: Ticks, user: TickCodec): void {
  for (const message of messages) {
    const { position, ...rest } = jsonWith(user, message)
    if (JSON.stringify(rest) !== JSON.stringify(jsonWith(marketCodec, message)) || position === undefined)
      throw new Error('the codecs differ')
  }
}

function jsonWith(tickCodec: TickCodec, message: Buffer): Record<string, unknown> {
  const bytes = new Uint8Array(message)
  const reader = tickCodec.createReader(bytes)
  if (!reader.decode(0, bytes.length)) throw new Error('no tick')
  const target = new Uint8Array(tickCodec.jsonBytesMax)
  const end = reader.writeJson(target, 0, tickCodec.jsonPrefixes(decodeTick(message).symbol))
  return JSON.parse(Buffer.from(target.subarray(0, end)).toString())
}
