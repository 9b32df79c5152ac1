/** Takes commands out of a ring and checks that each is the next one, whole. */
import { parentPort, workerData } from 'node:worker_threads'
import { CommandRingReader } from '../../../src/memory/command-ring-reader.js'
import { findTorn } from '../pattern.js'

export interface CommandReaderTask {
  readonly memory: SharedArrayBuffer
  readonly commands: number
}

export interface CommandReaderReport {
  readonly commands: number
  /** The first thing that was not as it should be; empty: none. */
  readonly error: string
}

const task = workerData as CommandReaderTask
const reader = new CommandRingReader(task.memory)

function check(number: number): string {
  if (reader.afterPosition !== number) return `command ${reader.afterPosition} in place of ${number}`
  const payload = reader.payload()
  const torn = findTorn(payload, 0, payload.length, number)
  return torn < 0 ? '' : `command ${number} is torn at byte ${torn}`
}

let number = 0
let error = ''
while (number < task.commands && error === '') {
  if (!reader.hasNext()) continue
  error = check(number + 1)
  if (error !== '') break
  number++
  reader.release()
}
const report: CommandReaderReport = { commands: number, error }
parentPort!.postMessage(report)
