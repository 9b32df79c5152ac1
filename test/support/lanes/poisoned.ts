/** A lane that throws at each tick of the symbol POISON. */
import type { LaneTask } from '../../../src/lane-protocol/lane-task.js'
import type { LaneSymbol } from '../../../workers/conflate/lane-symbol.js'
import runLane from '../../../workers/lane.js'
import { SymbolTable } from '../../../workers/read/symbol-table.js'
import { patched } from './faults.js'

const POISON = 'POISON'

export default function runPoisonedLane(task: LaneTask): void {
  patched(
    SymbolTable.prototype,
    'ofTick',
    ofTick =>
      function (this: SymbolTable<LaneSymbol>, ...args) {
        const [bytes, start, length] = args
        if (String.fromCharCode(...bytes.subarray(start, start + length)) === POISON)
          throw new Error('a tick of POISON')
        return ofTick.apply(this, args)
      },
    () => runLane(task),
  )
}
