/**
 * Kills a lane in the test's own thread at one of its calls into shared memory, its wake-up or its decoder.
 */
import { CommandRingReader } from '../../src/memory/command-ring-reader.js'
import { CommittedState } from '../../src/memory/committed-state.js'
import { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'
import { LaneWakeUp } from '../../src/memory/lane-wake-up.js'
import { LatestStore } from '../../src/memory/latest-store.js'
import { MarketTickReader } from '../../src/ticks/market-tick-reader.js'
import { patched } from './lanes/faults.js'

/** Thrown at the call at which the lane dies. */
export class Killed extends Error {}

/** Calls at which a lane can be killed. */
const DEADLY = [
  [FrameRingWriter.prototype, 'reserve'],
  [FrameRingWriter.prototype, 'describe'],
  [FrameRingWriter.prototype, 'countTurn'],
  [FrameRingWriter.prototype, 'publish'],
  [CommittedState.prototype, 'commit'],
  [LaneWakeUp.prototype, 'wakeMain'],
  [MarketTickReader.prototype, 'decode'],
  [LatestStore.prototype, 'allocate'],
  [LatestStore.prototype, 'write'],
  [LatestStore.prototype, 'release'],
  [CommandRingReader.prototype, 'release'],
] as const

/** Does `work` with every deadly call counted, and throws at the one at which the lane is to die. */
export function mortalUntil(killAt: number, work: () => void): () => void {
  let calls = 0
  return DEADLY.reduce((inner, [prototype, name]) => {
    const methods = prototype as unknown as Record<string, (...args: unknown[]) => unknown>
    const counted = (original: (...args: unknown[]) => unknown) =>
      function (this: unknown, ...args: unknown[]): unknown {
        const call = calls++
        if (2 * call === killAt) throw new Killed()
        const result = original.apply(this, args)
        if (2 * call + 1 === killAt) throw new Killed()
        return result
      }
    return () => patched(methods, name, counted, inner)
  }, work)
}
