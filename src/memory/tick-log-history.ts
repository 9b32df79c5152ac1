/**
 * Reads again what every reader of the tick log has finished with, while the writer goes on and may write over it: bytes count
 * only if `isIntact` says so after they were used. Any thread.
 */
import { distance } from './ring-position.js'
import { COMMAND, HEAD_WORD, PADDING } from './tick-log-layout.js'
import { TickLogMemory } from './tick-log-memory.js'
import { RecordHeader } from './tick-log-record.js'

/** What is farther behind the head than these parts of the log may be written over: the writer is at work on a record, which is
 * an eighth at the most, and on the padding before it, which is less. */
const SAFE_PARTS = 3 / 4

export class TickLogHistory extends RecordHeader {
  /** The whole data part; `payloadStart` is an index into it. */
  readonly bytes: Uint8Array
  private readonly memory: TickLogMemory
  private readonly safeUnits: number
  /** Where the record in hand begins. */
  private start = 0
  /** The record that `next` will step onto. */
  private cursor = 0

  constructor(memory: SharedArrayBuffer) {
    super()
    this.memory = new TickLogMemory(memory)
    this.bytes = this.memory.bytes
    this.safeUnits = this.memory.capacityUnits * SAFE_PARTS
  }

  /**
   * Goes to a record such that all ticks after `offset` that are in the log come from there on, and the tick itself, too, if it
   * is there.
   *
   * @returns false when some of the ticks after `offset` are gone
   */
  seek(offset: number): boolean {
    const { blocks, capacityUnits, blockShift } = this.memory
    const headBlock = ((this.head() - 1) & (capacityUnits - 1)) >>> blockShift
    for (let back = 0; back < blocks.length; back++) {
      const start = this.blockStart((headBlock - back) & (blocks.length - 1))
      // The writer is at work on it.
      if (distance(start, this.head()) <= 0) continue
      if (!this.isSafe(start)) return false
      this.cursor = start
      // Behind the last record there may be nothing but padding.
      if (!this.next()) continue
      if (this.firstOffset <= offset || this.firstOffset === 1) {
        this.cursor = start
        return true
      }
    }
    return false
  }

  /** Steps onto the next record. @returns false when there is none, or when it was written over: see `isIntact` */
  next(): boolean {
    while (this.isSafe(this.cursor)) {
      this.start = this.cursor
      this.read(this.memory, this.start)
      // A header that was written over meanwhile may say anything.
      if (!this.isIntact() || this.type > COMMAND) return false
      this.cursor = this.end
      if (this.type !== PADDING) return true
    }
    return false
  }

  /** Whether all that was read of the record in hand is as it was written. */
  isIntact(): boolean {
    return distance(this.start, this.head()) <= this.safeUnits
  }

  /** Whether there is a record that begins at `position` and is not written over soon. */
  private isSafe(position: number): boolean {
    const behind = distance(position, this.head())
    return behind > 0 && behind <= this.safeUnits
  }

  private head(): number {
    // Pairs with the store in TickLogWriter.tryAppend. What the writer writes over lies a whole log behind what it publishes next, so
    // bytes read before this load and within the safe part of it were not touched.
    return Atomics.load(this.memory.header, HEAD_WORD)
  }

  private blockStart(block: number): number {
    // Pairs with the store in TickLogWriter.enterBlocks.
    return Atomics.load(this.memory.blocks, block)
  }
}
