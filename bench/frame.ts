/**
 * Question: what does it cost to make a WebSocket frame of a payload?
 * Workload: payloads of one tick and of a hundred ticks become a header and a copy in shared memory. Baseline:
 *   `Sender.frame` of ws, which copies nothing, but hands the socket two buffers for each client.
 * Leaves out: the socket.
 */
import { frameHeaderBytes, writeTextFrameHeader } from '../src/protocol/websocket-frame.js'
import type { Benchmark, BenchmarkOptions, Table } from './benchmark.js'
import { figuresTable, measure } from './micro.js'
import { wsTextFrame } from './peers/ws-sender.js'

export const frame: Benchmark = { name: 'frame', run }

const OPERATIONS = 256
const PAYLOADS = [
  ['one tick', 170],
  ['a hundred ticks', 15_000],
] as const

async function run(options: BenchmarkOptions): Promise<Table[]> {
  const tables: Table[] = []
  for (const [name, length] of PAYLOADS) {
    const memory = new Uint8Array(new SharedArrayBuffer(4 * length + 64))
    const payload = Buffer.alloc(length, 'x')
    memory.set(payload, 3)
    const at = 2 * length
    const ours = (): number => {
      const start = writeTextFrameHeader(memory, at, length)
      memory.copyWithin(start, 3, 3 + length)
      return start + length
    }
    const theirs = Buffer.concat(wsTextFrame(payload))
    if (theirs.compare(memory, at, ours()) !== 0 || theirs.length !== frameHeaderBytes(length) + length)
      throw new Error('the frames differ')
    let sum = 0
    const figures = await measure(
      [
        {
          name: '`writeTextFrameHeader` and copy',
          operations: OPERATIONS,
          run() {
            for (let index = 0; index < OPERATIONS; index++) sum += ours()
          },
        },
        {
          name: '`Sender.frame` of ws',
          operations: OPERATIONS,
          run() {
            for (let index = 0; index < OPERATIONS; index++) sum += wsTextFrame(payload).length
          },
        },
      ],
      options,
    )
    if (sum === 0) throw new Error('nothing was framed')
    tables.push(
      figuresTable(`frame: ${name}, ${length} bytes`, figures, [
        'Ringcast frames once for an audience, ws once for each client.',
      ]),
    )
  }
  return tables
}
