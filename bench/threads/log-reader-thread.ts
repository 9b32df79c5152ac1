/**
 * Reads a tick log as a lane does, record by record, and publishes its cursor. It spins and does not sleep. A worker
 * thread.
 * Ends at a record without ticks.
 */
import { workerData } from 'node:worker_threads'
import { TickLogReader } from '../../src/memory/tick-log-reader.js'

export interface LogReaderData {
  readonly log: SharedArrayBuffer
  /** Word 0: the reader's cursor. Word 1: the sum of every tick's last byte. Word 2: whether the reader runs. */
  readonly control: SharedArrayBuffer
}

const { log, control } = workerData as LogReaderData
const words = new Int32Array(control)
const reader = new TickLogReader(log, 0)
let sum = 0
let isOpen = true
let offset = 0

Atomics.store(words, 2, 1)
while (isOpen) {
  let isNew = false
  for (let records = 0; records < 16 && reader.next(); records++) {
    isNew = true
    isOpen = reader.count > 0
    if (!isOpen) break
    if (reader.firstOffset !== offset + 1) throw new Error(`offset ${reader.firstOffset} after ${offset}`)
    offset = reader.firstOffset
    sum = (sum + reader.bytes[reader.payloadStart + reader.payloadLength - 1]!) | 0
  }
  if (!isNew) continue
  Atomics.store(words, 1, sum)
  // Pairs with the load of the writer's slowest cursor.
  Atomics.store(words, 0, reader.position)
}
