/**
 * Finds the position of a batch's first tick, where the batch has it in a field beside its ticks. Main thread.
 * Libraries write fields in the order of their numbers, so it stands behind the ticks, unless a feed puts it in front.
 */
import { FieldSkipper, LENGTH_DELIMITED } from './field-skipper.js'
import type { PositionReader, TickCodec } from './tick-codec.js'

export class FirstPosition {
  private readonly tag: number
  private readonly ticksTag: number
  private readonly positionReader: PositionReader | undefined
  private readonly skipper = new FieldSkipper()
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0

  /** @param positionReader of the ticks */
  constructor(
    { batchPath, firstPositionField }: Pick<TickCodec, 'batchPath' | 'firstPositionField'>,
    positionReader: PositionReader | undefined,
  ) {
    this.tag = firstPositionField << 3
    this.ticksTag = ((batchPath[0] ?? 0) << 3) | LENGTH_DELIMITED
    this.positionReader = positionReader
  }

  /** @returns 0 where the batch has none, or its first tick has a position of its own */
  find(batch: Uint8Array): number {
    if (this.tag === 0) return 0
    this.bytes = batch
    this.at = 0
    let isFirst = true
    while (this.at >= 0 && this.at < batch.length) {
      const tag = this.varint()
      if (tag === this.tag) {
        const position = this.varint()
        return position <= Number.MAX_SAFE_INTEGER ? position : 0
      }
      const start = this.at
      this.at = this.skipper.skip(batch, start, batch.length, tag)
      if (tag !== this.ticksTag || !isFirst) continue
      isFirst = false
      if (this.hasPosition(batch, start)) return 0
    }
    return 0
  }

  /** @param start where the length of the tick stands */
  private hasPosition(batch: Uint8Array, start: number): boolean {
    const end = this.at
    if (end < 0) return false
    this.at = start
    this.varint()
    const position = this.positionReader?.positionOf(batch, this.at, end) ?? 0
    this.at = end
    return position > 0
  }

  /** @returns 0 when the varint is cut off or longer than ten bytes */
  private varint(): number {
    let value = 0
    for (let index = 0, factor = 1; index < 10; index++, factor *= 128) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) return 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    return 0
  }
}
