/**
 * Entry of the thread that reads the past for clients, see docs/decisions/0063-the-past-is-read-by-a-thread-of-its-own.md.
 * It ends when it is told to.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../src/common/clock.js'
import { invariant } from '../src/common/errors.js'
import type { FromHistory, HistoryTask, ToHistory } from '../src/lane-protocol/history-messages.js'
import { marketCodecOf } from '../src/ticks/market-codec.js'
import type { OpenHistory } from '../src/ticks/stream-history.js'
import type { TickCodec } from '../src/ticks/tick-codec.js'
import { assembleHistory } from './history-assembly.js'
import { yieldCores } from './yield-cores.js'

invariant(parentPort !== null, 'the past is read in a thread of its own')
const port = parentPort
// Live clients come first.
yieldCores()
const { origin, schema, tickBytesMax } = workerData as HistoryTask

/** The codec of a schema comes with a protobuf library. Without it the thread starts in half the time. */
async function codecOf(): Promise<TickCodec> {
  if (schema === undefined) return marketCodecOf(tickBytesMax)
  const { schemaCodec } = await import('../src/ticks/schema/schema-codec.js')
  return schemaCodec(schema, tickBytesMax)
}

const [codec, { openHistory }] = await Promise.all([
  codecOf(),
  import(origin.module) as Promise<{ readonly openHistory: OpenHistory }>,
])
const history = openHistory(origin.options as never, codec)
const service = assembleHistory({
  codec,
  history,
  send: (message: FromHistory, transfer) => port.postMessage(message, transfer),
  clock: systemClock,
})

port.on('message', async (message: ToHistory) => {
  if (message.type !== 'stop') {
    await service.take(message)
    return
  }
  try {
    await history.close()
  } finally {
    // Closing the port lets the thread end by itself.
    port.close()
  }
})
