/**
 * Counts the messages that are posted to this thread: the receiver of the postMessage baseline. A worker thread.
 */
import { parentPort, workerData } from 'node:worker_threads'

const counts = new Int32Array(workerData as SharedArrayBuffer)
let received = 0
let bytes = 0

parentPort?.on('message', (tick: Uint8Array) => {
  received = (received + 1) | 0
  bytes = (bytes + tick[tick.length - 1]!) | 0
  // Pairs with the load in `drained` of publish.ts.
  Atomics.store(counts, 0, received)
  Atomics.store(counts, 1, bytes)
})
