/**
 * Question: what does it cost to write a decoded tick as bytes of JSON?
 * Workload: decoded ticks are written into shared memory, one after another. Baseline: `JSON.stringify` of an object
 *   that exists already, alone, and with the encoding of its text as bytes.
 * Leaves out: the message around the ticks, see gather.
 */

import { marketCodec } from '../src/ticks/market-codec.js'
import type { Benchmark, BenchmarkOptions, Table } from './benchmark.js'
import { sharedTicks } from './decode.js'
import { figuresTable, measure } from './micro.js'
import { decodeTick, tickJson } from './peers/protobuf-ticks.js'
import { ticksOfMarket } from './ticks.js'

export const encode: Benchmark = { name: 'encode', run }

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const ticks = await ticksOfMarket(options.small ? 64 : 1024)
  const shared = sharedTicks(ticks)
  const objects = ticks.messages.map(message => tickJson(decodeTick(message)))
  const readers = objects.map((_, index) => {
    const reader = marketCodec.createReader(shared.bytes)
    reader.decode(shared.starts[index]!, shared.starts[index + 1]!)
    return reader
  })
  const ofSymbol = new Map(objects.map(({ symbol }) => [symbol, marketCodec.jsonPrefixes(symbol)]))
  const prefixes = objects.map(({ symbol }) => ofSymbol.get(symbol)!)
  const bytes = new Uint8Array(new SharedArrayBuffer(objects.length * marketCodec.jsonBytesMax))
  const count = objects.length

  for (let index = 0; index < count; index++) {
    const text = Buffer.from(bytes.slice(0, readers[index]!.writeJson(bytes, 0, prefixes[index]!))).toString()
    if (text !== JSON.stringify(objects[index]))
      throw new Error(`${text} in place of ${JSON.stringify(objects[index])}`)
  }
  let sum = 0
  const figures = await measure(
    [
      {
        name: '`TickReader.writeJson`',
        operations: count,
        run() {
          let at = 0
          for (let index = 0; index < count; index++)
            at = readers[index]!.writeJson(bytes, at, prefixes[index]!)
          sum += at
        },
      },
      {
        name: '`JSON.stringify`',
        operations: count,
        run() {
          for (let index = 0; index < count; index++) sum += JSON.stringify(objects[index]).length
        },
      },
      {
        name: '`Buffer.from(JSON.stringify)`',
        operations: count,
        run() {
          for (let index = 0; index < count; index++)
            sum += Buffer.from(JSON.stringify(objects[index])).length
        },
      },
    ],
    options,
  )
  if (sum === 0) throw new Error('nothing was written')
  return [figuresTable('encode: one tick as JSON', figures, [`Ticks: ${ticks.origin}.`])]
}
