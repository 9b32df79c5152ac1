/**
 * The tick log: one writer (the main thread), any number of readers (the lanes), each with a cursor of its own.
 * The writer never overtakes the slowest cursor, so a reader may use a record's bytes until it publishes a later cursor.
 */
import { HEAD_WORD, PADDING } from './tick-log-layout.js'
import { TickLogMemory } from './tick-log-memory.js'
import { RecordHeader } from './tick-log-record.js'

export class TickLogReader extends RecordHeader {
  /** The whole data part; `payloadStart` is an index into it. */
  readonly bytes: Uint8Array
  private readonly memory: TickLogMemory
  /** The record that `next` will step onto. */
  private cursor: number
  private head: number

  /** @param cursor a position at which a record begins, or the head */
  constructor(memory: SharedArrayBuffer, cursor: number) {
    super()
    this.memory = new TickLogMemory(memory)
    this.bytes = this.memory.bytes
    this.cursor = cursor
    this.head = cursor
  }

  /** The position after the record in hand: what to publish as read. */
  get position(): number {
    return this.cursor
  }

  /** Whether there is a record to step onto. */
  hasNext(): boolean {
    return this.head !== this.cursor || this.refresh()
  }

  /** Steps onto the next record. @returns false when there is none */
  next(): boolean {
    while (this.hasNext()) {
      this.read(this.memory, this.cursor)
      this.cursor = this.end
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
