/**
 * Question: what does it cost to make JSON of a decoded tick, as bytes?
 * Workload: decoded ticks, one after another, written into shared memory; beside `JSON.stringify` of an object that is there
 *   already, alone and with the bytes made of its text.
 * Leaves out: the message around the ticks, see gather.
 */

import { TickDecoder } from '../src/ticks/tick-decoder.js'
import { TickFields } from '../src/ticks/tick-fields.js'
import { symbolPrefixes, TICK_JSON_BYTES_MAX, writeTickJson } from '../src/ticks/tick-json.js'
import type { Benchmark, BenchmarkOptions, Table } from './benchmark.js'
import { sharedTicks } from './decode.js'
import { figuresTable, measure } from './micro.js'
import { decodeTick, tickJson } from './peers/protobuf-ticks.js'
import { ticksOfMarket } from './ticks.js'

export const encode: Benchmark = { name: 'encode', run }

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const ticks = await ticksOfMarket(options.small ? 64 : 1024)
  const shared = sharedTicks(ticks)
  const decoder = new TickDecoder(shared.bytes)
  const objects = ticks.messages.map(message => tickJson(decodeTick(message)))
  const fields = objects.map((_, index) => {
    const tick = new TickFields()
    decoder.decode(shared.starts[index]!, shared.starts[index + 1]!, tick)
    return tick
  })
  const ofSymbol = new Map(objects.map(({ symbol }) => [symbol, symbolPrefixes(symbol)]))
  const prefixes = objects.map(({ symbol }) => ofSymbol.get(symbol)!)
  const bytes = new Uint8Array(new SharedArrayBuffer(objects.length * TICK_JSON_BYTES_MAX))
  const count = objects.length

  for (let index = 0; index < count; index++) {
    const text = Buffer.from(
      bytes.slice(0, writeTickJson(bytes, 0, fields[index]!, prefixes[index]!)),
    ).toString()
    if (text !== JSON.stringify(objects[index]))
      throw new Error(`${text} in place of ${JSON.stringify(objects[index])}`)
  }
  let sum = 0
  const figures = await measure(
    [
      {
        name: '`writeTickJson`',
        operations: count,
        run() {
          let at = 0
          for (let index = 0; index < count; index++)
            at = writeTickJson(bytes, at, fields[index]!, prefixes[index]!)
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
