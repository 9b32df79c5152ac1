/**
 * The record that a replay is compared with: the rows of a CSV file as the JSON messages should show them.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { TickJson } from '../../src/protocol/messages.js'
import { recordedTicksPath } from './test-ticks.js'

const HEADER =
  'receive_time_ns,symbol,kind,sequence,bid_price,bid_size,ask_price,ask_size,last_price,last_size'

export interface Recording {
  /** A plain CSV file. */
  readonly path: string
  readonly ticks: readonly TickJson[]
  remove(): Promise<void>
}

/** The first `rows` rows of the real file, or made-up ones where that is not there. */
export async function recording(rows: number): Promise<Recording> {
  const folder = await mkdtemp(join(tmpdir(), 'ringcast-'))
  const path = join(folder, 'ticks.csv')
  const ticks: TickJson[] = []
  const source = recordedTicksPath === undefined ? madeUp(rows) : real(recordedTicksPath, rows)
  await pipeline(async function* () {
    yield `${HEADER}\n`
    for await (const line of source) {
      ticks.push(tickOf(line))
      yield `${line}\n`
    }
  }, createWriteStream(path))
  return { path, ticks, remove: () => rm(folder, { recursive: true }) }
}

async function* real(path: string, rows: number): AsyncGenerator<string> {
  const file = createReadStream(path)
  const lines = createInterface({ input: path.endsWith('.gz') ? file.pipe(createGunzip()) : file })
  let row = -1
  for await (const line of lines) {
    if (++row === 0) continue
    yield line
    if (row === rows) break
  }
  lines.close()
  file.destroy()
}

function* madeUp(rows: number): Generator<string> {
  const symbols = ['BTCUSDT', 'ETHUSDT', 'BTCUSDT-PERP', 'ETHUSDT-PERP']
  for (let row = 1; row <= rows; row++) {
    const start = `${1_723_161_255_000_000_000n + BigInt(row) * 1_000_000n},${symbols[row % symbols.length]}`
    yield row % 7 === 0
      ? `${start},T,${row},,,,,${row / 100},${row / 8}`
      : `${start},Q,${row},${row / 100},${row / 8},${row / 50},${row / 4},,`
  }
}

function tickOf(line: string): TickJson {
  const [time, symbol, kind, sequence, bid, bidSize, ask, askSize, last, lastSize] = line.split(',')
  const start = { symbol: symbol!, sequence: Number(sequence), time: Number(BigInt(time!) / 1000n) }
  if (kind === 'T') return { ...start, kind: 'trade', last: Number(last), lastSize: Number(lastSize) }
  return {
    ...start,
    kind: 'quote',
    bid: Number(bid),
    bidSize: Number(bidSize),
    ask: Number(ask),
    askSize: Number(askSize),
  }
}
