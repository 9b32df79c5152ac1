/**
 * Starts a lane: the one long task of a thread, which reads the tick log and writes the frame ring. It knows no
 * socket.
 */

import { systemClock } from '../src/common/clock.js'
import type { LaneTask } from '../src/lane-protocol/lane-task.js'
import { marketCodecOf } from '../src/ticks/market-codec.js'
import type { TickCodec } from '../src/ticks/tick-codec.js'
import { assembleLane } from './lane-assembly.js'
import { LaneMemoryWatch, TooMuchMemory } from './lane-memory-watch.js'

export default async function runLane(task: LaneTask): Promise<void> {
  const codec = task.schema === undefined ? marketCodecOf(task.tickBytesMax) : await schemaCodecOf(task)
  try {
    assembleLane(task, codec, systemClock, new LaneMemoryWatch()).run()
  } catch (error) {
    if (!(error instanceof TooMuchMemory)) throw error
    // Otherwise the pool would let the successor run in this thread, beside the memory that it keeps. This ends the thread alone.
    task.wakeUpPort.postMessage(error.message)
    process.exit(1)
  }
}

/** The codec of a schema comes with a protobuf library. Without it a lane starts in half the time. */
async function schemaCodecOf({ schema, tickBytesMax }: LaneTask): Promise<TickCodec> {
  const { schemaCodec } = await import('../src/ticks/schema/schema-codec.js')
  return schemaCodec(schema!, tickBytesMax)
}
