/** The last tick that was taken, to tell a repeated tick from another one of the same position. Main thread. */

const NO_BYTES = new Uint8Array(0)

export class LastTick {
  /** A copy of the tick, once `keep` was called. */
  private readonly kept: Uint8Array
  private bytes: Uint8Array = NO_BYTES
  private start = 0
  private end = 0

  /** @param tickBytesMax the longest tick; of a longer one only so many bytes are compared */
  constructor(tickBytesMax: number) {
    this.kept = new Uint8Array(tickBytesMax)
  }

  /** Whether there was one. */
  get isKnown(): boolean {
    return this.bytes !== NO_BYTES
  }

  /** The tick is at `[start, end)` of `bytes`, until `keep` is called. */
  note(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.start = start
    this.end = Math.min(end, start + this.kept.length)
  }

  /** Copies the tick: the bytes given to `note` may change from now on. Once for each message, not for each tick. */
  keep(): void {
    const { bytes, kept } = this
    if (bytes === kept || !this.isKnown) return
    const length = this.end - this.start
    for (let index = 0; index < length; index++) kept[index] = bytes[this.start + index]!
    this.bytes = kept
    this.start = 0
    this.end = length
  }

  /** Whether the tick at `[start, end)` of `bytes` has the same bytes. */
  equals(bytes: Uint8Array, start: number, end: number): boolean {
    const length = Math.min(end - start, this.kept.length)
    if (length !== this.end - this.start) return false
    for (let index = 0; index < length; index++)
      if (bytes[start + index] !== this.bytes[this.start + index]) return false
    return true
  }
}
