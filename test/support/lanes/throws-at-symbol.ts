/** A lane that throws at each tick of the symbol FATAL. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import type { LaneSymbol } from '../../../workers/conflate/lane-symbol.js'
import { SymbolTable } from '../../../workers/read/symbol-table.js'
import { runPatchedLane } from './faults.js'

const FATAL_SYMBOL = 'FATAL'

export default function runFaultyLane(task: LaneTask): Promise<void> {
  return runPatchedLane(
    task,
    SymbolTable.prototype,
    'ofTick',
    ofTick =>
      function (this: SymbolTable<LaneSymbol>, ...args) {
        const [bytes, start, length] = args
        if (String.fromCharCode(...bytes.subarray(start, start + length)) === FATAL_SYMBOL)
          throw new Error('a tick of FATAL')
        return ofTick.apply(this, args)
      },
  )
}
