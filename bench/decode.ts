/**
 * Question: what does it cost to decode a tick?
 * Workload: one reader decodes encoded ticks in shared memory, one after another. Baseline: protobufjs, which makes an
 *   object of each tick.
 * Leaves out: the search for the start of a tick, and a string of its symbol, which a lane does not make.
 */
import { MarketTickReader } from '../src/ticks/market-tick-reader.js'
import type { Benchmark, BenchmarkOptions, Table } from './benchmark.js'
import { figuresTable, measure } from './micro.js'
import { decodeTick } from './peers/protobuf-ticks.js'
import { type Ticks, ticksOfMarket } from './ticks.js'

export const decode: Benchmark = { name: 'decode', run }

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const ticks = await ticksOfMarket(options.small ? 64 : 1024)
  const { messages } = ticks
  const { bytes, starts } = sharedTicks(ticks)
  const reader = new MarketTickReader(bytes)
  check(ticks, reader, starts)
  let sum = 0
  const figures = await measure(
    [
      {
        name: '`MarketTickReader`',
        operations: messages.length,
        run() {
          for (let index = 0; index < messages.length; index++) {
            if (!reader.decode(starts[index]!, starts[index + 1]!)) throw new Error('no tick')
            sum += reader.bid
          }
        },
      },
      {
        name: 'protobufjs `decode`',
        operations: messages.length,
        run() {
          for (let index = 0; index < messages.length; index++) sum += decodeTick(messages[index]!).bid
        },
      },
    ],
    options,
  )
  if (Number.isNaN(sum)) throw new Error('a price that is none')
  return [
    figuresTable('decode: one tick', figures, [`Ticks: ${ticks.origin}, ${ticks.bytesMean} bytes each.`]),
  ]
}

/** Ticks side by side in shared memory, as in a lane. The last start is the end of the last tick. */
export function sharedTicks({ messages }: Ticks): { bytes: Uint8Array; starts: number[] } {
  const starts = [0]
  for (const { length } of messages) starts.push(starts.at(-1)! + length)
  const bytes = new Uint8Array(new SharedArrayBuffer(starts.at(-1)!))
  for (const [index, message] of messages.entries()) bytes.set(message, starts[index]!)
  return { bytes, starts }
}

function check({ messages }: Ticks, reader: MarketTickReader, starts: readonly number[]): void {
  for (const [index, message] of messages.entries()) {
    const expected = decodeTick(message)
    const isTick = reader.decode(starts[index]!, starts[index + 1]!)
    if (
      !isTick ||
      reader.kind !== expected.kind - 1 ||
      reader.bid !== expected.bid ||
      reader.last !== expected.last
    )
      throw new Error(`tick ${index} is decoded to something else`)
  }
}
