/**
 * Reads records of the tick log again that every reader has finished with. One lane's own.
 * The writer does not wait for this reader and may overwrite a record at any moment: use the bytes first, then ask
 * `isIntact`, and only then believe them. Reason: docs/decisions/0013-the-tick-log-is-read-again-without-a-lock.md
 */

import { RecordHeader } from './record-header.js'
import { distance } from './ring-position.js'
import { HEAD_WORD, PADDING, STREAM_EVENT } from './tick-log-layout.js'
import { TickLogMemory } from './tick-log-memory.js'

/**
 * The share of the log behind the head that the writer cannot be overwriting. Ahead of the head it writes one record,
 * at most an eighth of the log, and padding before the record, which is less.
 */
const SAFE_SHARE = 3 / 4

export class TickLogHistory extends RecordHeader {
  /** The bytes of all records; `payloadStart` is an offset in them. */
  readonly bytes: Uint8Array
  private readonly memory: TickLogMemory
  private readonly safeUnits: number
  /** Position of the current record. */
  private position = 0
  /** Position of the record that `next` reads. */
  private cursor = 0

  constructor(memory: SharedArrayBuffer) {
    super()
    this.memory = new TickLogMemory(memory)
    this.bytes = this.memory.bytes
    this.safeUnits = this.memory.capacityUnits * SAFE_SHARE
  }

  /**
   * Moves to a record at or before the tick with this serial number, or to that of the one after it if that tick is
   * gone.
   *
   * @returns false when something after `serial` was overwritten
   */
  seek(serial: number): boolean {
    const { blocks, capacityUnits, blockShift } = this.memory
    const headBlock = ((this.head() - 1) & (capacityUnits - 1)) >>> blockShift
    let follower: number | undefined
    for (let back = 0; back < blocks.length; back++) {
      const position = this.blockPosition((headBlock - back) & (blocks.length - 1))
      // The writer has entered this block with a record that it has not published.
      if (distance(position, this.head()) <= 0) continue
      if (!this.isSafe(position)) break
      this.cursor = position
      // After the last record there may be only padding.
      if (!this.next()) continue
      if (this.firstSerial <= serial || this.firstSerial === 1) {
        this.cursor = position
        return true
      }
      if (this.firstSerial === serial + 1) follower = position
    }
    if (follower === undefined) return false
    this.cursor = follower
    return true
  }

  /**
   * Whether the writer has at least as many bytes to write before the next record may be overwritten as a reader has to
   * read from there.
   */
  get isInNewerHalf(): boolean {
    return distance(this.cursor, this.head()) <= this.safeUnits / 2
  }

  /**
   * Moves to the first record of ticks that was received at `receivedUs` or later. Without such a record it stands at
   * the end.
   *
   * @returns whether an earlier record is still there
   */
  seekReceived(receivedUs: number): boolean {
    const { blocks, capacityUnits, blockShift } = this.memory
    const headBlock = ((this.head() - 1) & (capacityUnits - 1)) >>> blockShift
    let hasEarlier = false
    let oldest = this.head()
    for (let back = 0; back < blocks.length && !hasEarlier; back++) {
      const position = this.blockPosition((headBlock - back) & (blocks.length - 1))
      if (distance(position, this.head()) <= 0) continue
      if (!this.isSafe(position)) break
      oldest = position
      this.cursor = position
      hasEarlier = this.nextTicks() && this.receivedUs < receivedUs
    }
    this.cursor = oldest
    let before = oldest
    while (this.nextTicks() && this.receivedUs < receivedUs) {
      hasEarlier = true
      before = this.cursor
    }
    this.cursor = before
    return hasEarlier
  }

  /** Makes the next record with ticks the current one. @returns false when there is none */
  nextTicks(): boolean {
    while (this.next()) if (this.type !== STREAM_EVENT) return true
    return false
  }

  /**
   * Makes the next record the current one.
   *
   * @returns false when there is none, and when it was overwritten, see `isIntact`
   */
  next(): boolean {
    while (this.isSafe(this.cursor)) {
      this.position = this.cursor
      this.read(this.memory, this.position)
      // A header that was overwritten meanwhile may say anything.
      if (!this.isIntact() || this.type > STREAM_EVENT) return false
      this.cursor = this.nextPosition
      if (this.type !== PADDING) return true
    }
    return false
  }

  /** Whether every byte of the current record that was read so far is as the writer wrote it. */
  isIntact(): boolean {
    return distance(this.position, this.head()) <= this.safeUnits
  }

  /** Whether a published record begins at `position` that the writer cannot be overwriting. */
  private isSafe(position: number): boolean {
    const behind = distance(position, this.head())
    return behind > 0 && behind <= this.safeUnits
  }

  private head(): number {
    // Pairs with the store in TickLogWriter.tryAppend. The writer overwrites only bytes a whole log behind what it
    // publishes next. So bytes that were read before this load, and lie within the safe share behind it, were not
    // touched.
    return Atomics.load(this.memory.header, HEAD_WORD)
  }

  private blockPosition(block: number): number {
    // Pairs with the store in TickLogWriter.enterBlocks.
    return Atomics.load(this.memory.blocks, block)
  }
}
