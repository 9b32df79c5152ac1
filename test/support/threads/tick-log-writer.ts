/** Writes numbered records into a tick log as fast as its readers let it. */
import { parentPort, workerData } from 'node:worker_threads'
import { distance } from '../../../src/memory/ring-position.js'
import { HEAD_WORD, recordUnits, TICK_BATCH } from '../../../src/memory/tick-log-layout.js'
import { TickLogWriter } from '../../../src/memory/tick-log-writer.js'
import { patternLength, writePattern } from '../pattern.js'

export interface LogWriterTask {
  readonly memory: SharedArrayBuffer
  /** One published cursor for each reader. */
  readonly cursors: SharedArrayBuffer
  readonly records: number
  readonly payloadBytesMax: number
  /** This record is published before its bytes are written, as a writer with its stores in the wrong order would; 0: none. */
  readonly publishedTooEarly: number
}

const task = workerData as LogWriterTask
const cursors = new Int32Array(task.cursors)
const header = new Int32Array(task.memory, 0, 16)
const payload = new Uint8Array(task.payloadBytesMax)

function slowest(): number {
  let slowest = Atomics.load(cursors, 0)
  for (let index = 1; index < cursors.length; index++) {
    const cursor = Atomics.load(cursors, index)
    if (distance(cursor, slowest) > 0) slowest = cursor
  }
  return slowest
}

const writer = new TickLogWriter(task.memory, slowest)
let waits = 0
for (let number = 1; number <= task.records; number++) {
  const length = patternLength(number, task.payloadBytesMax)
  writePattern(payload, 0, length, number)
  if (number === task.publishedTooEarly) {
    while (slowest() !== writer.position) Atomics.wait(cursors, 0, Atomics.load(cursors, 0), 1)
    Atomics.store(header, HEAD_WORD, writer.position + recordUnits(length))
    Atomics.notify(header, HEAD_WORD)
    Atomics.wait(cursors, 0, writer.position)
  }
  for (;;) {
    const cursor = slowest()
    if (writer.tryAppend(TICK_BATCH, number & 0xffff, number, number, number / 2, payload, 0, length)) break
    waits++
    for (let index = 0; index < cursors.length; index++)
      if (Atomics.load(cursors, index) === cursor) Atomics.wait(cursors, index, cursor)
  }
  Atomics.notify(header, HEAD_WORD)
}
parentPort!.postMessage({ waits })
