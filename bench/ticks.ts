/**
 * The ticks of the benchmarks: recorded ticks if the file is there, else synthetic ticks. They are encoded as a feed
 * sends them, position included.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CsvReplay } from '../src/embedded-feed/csv-replay.js'
import { SyntheticTicks } from '../src/embedded-feed/synthetic-ticks.js'
import { TickHistory } from '../src/embedded-feed/tick-history.js'
import type { TickSupply } from '../src/embedded-feed/tick-supply.js'
import { MarketTickEncoder } from '../src/ticks/market-tick-encoder.js'

/** The file lies beside the checkout, because it is not ours to publish. */
const RECORDING = '../shared/data/ticks-20240808.csv.gz'

export interface Ticks {
  /** The name of the ticks, for people. */
  readonly origin: string
  readonly messages: readonly Buffer[]
  readonly bytesMean: number
}

export async function ticksOfMarket(count: number): Promise<Ticks> {
  const file = recordingFile()
  if (file === undefined) return await syntheticTicks(count, 50)
  return await take(await CsvReplay.open(file, { loop: true }), count, 'recorded')
}

export async function syntheticTicks(count: number, symbols: number): Promise<Ticks> {
  const supply = new SyntheticTicks({ symbols, rate: 1000, seed: 1, startUs: 1_723_161_255_088_169 })
  return await take(supply, count, `synthetic, ${symbols} symbols`)
}

function recordingFile(): string | undefined {
  // Seen from dist/bench: the parents of the checkout, and of a worktree.
  const roots = ['../../', '../../../'].map(path => fileURLToPath(new URL(path, import.meta.url)))
  return roots.map(root => root + RECORDING).find(existsSync)
}

async function take(supply: TickSupply, count: number, origin: string): Promise<Ticks> {
  const encoder = new MarketTickEncoder()
  const history = new TickHistory(1024)
  const messages: Buffer[] = []
  try {
    while (messages.length < count) {
      if (supply.next() !== 'tick') {
        await supply.ready()
        continue
      }
      history.append(encoder.bytes, encoder.encode(supply.tick), supply.tick.symbol.name)
      messages.push(asReceived(history.copyTick(history.newest)))
    }
  } finally {
    await supply.close()
  }
  const bytes = messages.reduce((sum, { length }) => sum + length, 0)
  return { origin, messages, bytesMean: Math.round(bytes / count) }
}

/** grpc-js leaves a message behind the five bytes of its gRPC header. So it does not start at a multiple of 8. */
function asReceived(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length)
  framed.set(message, 5)
  return framed.subarray(5)
}

/** The ticks as one `TickBatch`. */
export function tickBatch(messages: readonly Uint8Array[]): Buffer {
  const batch = Buffer.concat(
    messages.flatMap(message => {
      const { length } = message
      return [
        Buffer.from(length < 128 ? [0x0a, length] : [0x0a, (length & 127) | 128, length >>> 7]),
        message,
      ]
    }),
  )
  return asReceived(batch)
}
