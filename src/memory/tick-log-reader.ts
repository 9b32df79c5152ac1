/**
 * Reads the records of the tick log one after another, each once. One lane's own.
 * The writer never passes the slowest published cursor: a record's bytes stay until the reader publishes a later one.
 */

import { RecordHeader } from './record-header.js'
import { HEAD_WORD, PADDING } from './tick-log-layout.js'
import { TickLogMemory } from './tick-log-memory.js'

export class TickLogReader extends RecordHeader {
  /** The bytes of all records; `payloadStart` is an offset in them. */
  readonly bytes: Uint8Array
  private readonly memory: TickLogMemory
  /** Position of the record that `next` reads. */
  private cursor: number
  /** The head when the reader looked last. */
  private head: number

  /** @param cursor a position at which a record begins, or the head */
  constructor(memory: SharedArrayBuffer, cursor: number) {
    super()
    this.memory = new TickLogMemory(memory)
    this.bytes = this.memory.bytes
    this.cursor = cursor
    this.head = cursor
  }

  /** The position after the current record: the cursor to publish. */
  get position(): number {
    return this.cursor
  }

  /** Whether there is a next record. */
  hasNext(): boolean {
    return this.head !== this.cursor || this.refresh()
  }

  /** Makes the next record the current one. @returns false when there is none */
  next(): boolean {
    while (this.hasNext()) {
      this.read(this.memory, this.cursor)
      this.cursor = this.nextPosition
      if (this.type !== PADDING) return true
    }
    return false
  }

  private refresh(): boolean {
    // Pairs with the store in TickLogWriter.tryAppend: all bytes before the head are visible from here on.
    this.head = Atomics.load(this.memory.header, HEAD_WORD)
    return this.head !== this.cursor
  }
}
