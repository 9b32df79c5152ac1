/** Reads a tick log and checks that every record is the next one, whole. Publishes its cursor after the check. */
import { parentPort, workerData } from 'node:worker_threads'
import { HEAD_WORD, TICK_BATCH } from '../../../src/memory/tick-log-layout.js'
import { TickLogReader } from '../../../src/memory/tick-log-reader.js'
import { findTorn, patternLength } from '../pattern.js'

export interface LogReaderTask {
  readonly memory: SharedArrayBuffer
  readonly cursors: SharedArrayBuffer
  /** Which of the cursors is this reader's. */
  readonly index: number
  readonly records: number
  readonly payloadBytesMax: number
  /** Records read between two looks at the cursor. */
  readonly publishEvery: number
}

export interface LogReaderReport {
  readonly records: number
  /** The first thing that was not as it should be; empty: none. */
  readonly error: string
}

const task = workerData as LogReaderTask
const cursors = new Int32Array(task.cursors)
const header = new Int32Array(task.memory, 0, 16)
const reader = new TickLogReader(task.memory, Atomics.load(cursors, task.index))

function publish(): void {
  Atomics.store(cursors, task.index, reader.position)
  Atomics.notify(cursors, task.index)
}

function check(number: number): string {
  const { bytes, count, firstOffset, payloadLength, payloadStart, receivedUs, type } = reader
  if (firstOffset !== number) return `record ${firstOffset} in place of ${number}`
  const length = patternLength(number, task.payloadBytesMax)
  if (payloadLength !== length) return `record ${number} has ${payloadLength} bytes in place of ${length}`
  if (type !== TICK_BATCH || count !== (number & 0xffff) || receivedUs !== number / 2)
    return `record ${number} has another's header`
  const torn = findTorn(bytes, payloadStart, payloadLength, number)
  return torn < 0 ? '' : `record ${number} is torn at byte ${torn}`
}

let number = 0
let error = ''
while (number < task.records && error === '') {
  const head = Atomics.load(header, HEAD_WORD)
  if (!reader.next()) {
    publish()
    if (head === reader.position) Atomics.wait(header, HEAD_WORD, head)
    continue
  }
  error = check(++number)
  if (number % task.publishEvery === 0) publish()
}
publish()
const report: LogReaderReport = { records: number, error }
parentPort!.postMessage(report)
