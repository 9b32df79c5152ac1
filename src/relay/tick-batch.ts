/** The ticks of the next message, as fields of `TickBatch`, in the memory that a reader of ticks decodes from. Main thread. */
import { TICKS_FIELD } from '../sources/nats/stream-message.js'
import { varintBytes, writeVarint } from '../ticks/varint.js'

/** A batch with so many bytes is full. */
export const BATCH_BYTES_MAX = 64 * 1024
const LENGTH_DELIMITED = 2
const TAG = (TICKS_FIELD << 3) | LENGTH_DELIMITED

export class TickBatch {
  /** The memory. It never moves. */
  readonly bytes: Uint8Array
  /** Where the tick that was added last lies. */
  tickStart = 0
  tickEnd = 0
  private end = 0
  private endBefore = 0
  private _count = 0

  /** @param tickBytesMax the longest tick that is added */
  constructor(tickBytesMax: number) {
    this.bytes = new Uint8Array(BATCH_BYTES_MAX + fieldBytes(tickBytesMax))
  }

  get count(): number {
    return this._count
  }

  get isFull(): boolean {
    return this.end >= BATCH_BYTES_MAX
  }

  /** Adds the tick at `message[start, end)`. There is room for one as long as the batch is not full. */
  add(message: Uint8Array, start: number, end: number): void {
    const { bytes } = this
    this.endBefore = this.end
    bytes[this.end] = TAG
    this.tickStart = writeVarint(bytes, this.end + 1, end - start)
    this.tickEnd = this.tickStart + end - start
    // A loop is quicker than `set` for so few bytes.
    for (let from = start, to = this.tickStart; from < end; from++, to++) bytes[to] = message[from]!
    this.end = this.tickEnd
    this._count++
  }

  /** Takes out the tick that was added last. */
  takeBack(): void {
    this.end = this.endBefore
    this._count--
  }

  /** Leaves only the tick that was added last. @returns the ticks before it */
  splitBeforeLast(): Uint8Array {
    const before = this.bytes.slice(0, this.endBefore)
    this.bytes.copyWithin(0, this.endBefore, this.end)
    this.end -= this.endBefore
    this.endBefore = 0
    this._count = 1
    return before
  }

  /** Empties the batch. @returns its ticks */
  flush(): Uint8Array {
    const ticks = this.bytes.slice(0, this.end)
    this.end = 0
    this.endBefore = 0
    this._count = 0
    return ticks
  }
}

function fieldBytes(tickBytes: number): number {
  return 1 + varintBytes(tickBytes) + tickBytes
}
