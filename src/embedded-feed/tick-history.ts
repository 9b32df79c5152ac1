/**
 * The last ticks of a feed, encoded, with their positions 1, 2, 3 … Feed's thread.
 * Memory is fixed at construction: new ticks replace the oldest ones. An entry never wraps.
 *
 *   byte ring   │ 0x0a │ length │ tick … 0x58 position │ 0x0a │ length │ tick …        each an entry, ready
 *               └ start of an entry                    └ start of the next             as `TickBatch.ticks`
 *
 * Neighbouring entries are therefore a `TickBatch`. A start counts all bytes ever written, so it never wraps.
 */
import { RingcastError } from '../common/errors.js'
import { quoteValue } from '../common/quote-value.js'
import { TICK_BYTES_DEFAULT } from '../ticks/tick-codec.js'
import { writeVarint } from '../ticks/varint.js'

export const HISTORY_TICKS_DEFAULT = 262_144

/** A quote with an eight-letter symbol takes 80 bytes. So the history rarely holds fewer than `ticks` ticks. */
const ENTRY_BYTES_MEAN = 96
/** Tag and a length of up to two bytes. */
const ENTRY_HEADER_BYTES_MAX = 3
/** Tag and a varint below 2^53. */
const POSITION_BYTES_MAX = 9
const TAG_TICKS = 0x0a
const TAG_POSITION = 0x58
const TAG_FIRST_POSITION = 0x10

export class TickHistory {
  private readonly mask: number
  private readonly ring: Buffer
  /** Start, length and symbol of each entry, by position & mask. */
  private readonly starts: Float64Array
  private readonly lengths: Uint16Array
  private readonly symbols: string[]
  private readonly positionField = new Uint8Array(POSITION_BYTES_MAX)
  private end = 0
  private _oldest = 1
  private _newest = 0

  /**
   * @param ticks most ticks to hold, a power of two; each has 96 bytes on average
   * @throws RingcastError `option_invalid`
   */
  constructor(ticks = HISTORY_TICKS_DEFAULT) {
    if (!Number.isSafeInteger(ticks) || ticks < 2 || ticks > 2 ** 24 || !Number.isInteger(Math.log2(ticks))) {
      throw new RingcastError(
        'option_invalid',
        `a tick history must hold a power of two of ticks from 2 to ${2 ** 24}, got ${quoteValue(ticks)}`,
      )
    }
    this.mask = ticks - 1
    // Room for at least two of the longest ticks, so that the newest one is always held.
    this.ring = Buffer.allocUnsafeSlow(Math.max(ticks * ENTRY_BYTES_MEAN, TICK_BYTES_DEFAULT * 4))
    this.starts = new Float64Array(ticks)
    this.lengths = new Uint16Array(ticks)
    this.symbols = new Array<string>(ticks).fill('')
  }

  /** The first position that is held; `newest` + 1 in an empty history. */
  get oldest(): number {
    return this._oldest
  }

  /** The last position that was appended; 0 in an empty history. */
  get newest(): number {
    return this._newest
  }

  /**
   * Copies the first `length` bytes, an encoded tick without its position. Adds the position, and returns it.
   *
   * @throws RingcastError `tick_invalid` when the tick is longer than the contract allows
   */
  append(bytes: Uint8Array, length: number, symbol: string): number {
    const position = this._newest + 1
    this.positionField[0] = TAG_POSITION
    const positionLength = writeVarint(this.positionField, 1, position)
    const tickLength = length + positionLength
    if (tickLength > TICK_BYTES_DEFAULT) {
      throw new RingcastError(
        'tick_invalid',
        `a tick may have ${TICK_BYTES_DEFAULT} bytes, one of ${quoteValue(symbol)} has ${tickLength}`,
      )
    }
    const start = this.makeRoom(ENTRY_HEADER_BYTES_MAX + tickLength)
    const ring = this.ring
    const base = start % ring.length
    ring[base] = TAG_TICKS
    let at = writeVarint(ring, base + 1, tickLength)
    for (let i = 0; i < length; i++) ring[at++] = bytes[i]!
    for (let i = 0; i < positionLength; i++) ring[at++] = this.positionField[i]!

    const slot = position & this.mask
    this.starts[slot] = start
    this.lengths[slot] = at - base
    this.symbols[slot] = symbol
    this.end = start + at - base
    this._newest = position
    return position
  }

  /** Whether this position is still held after one more tick of any length. */
  canKeep(position: number): boolean {
    if (position > this._newest) return true
    const bytes = ENTRY_HEADER_BYTES_MAX + TICK_BYTES_DEFAULT
    const keepFrom = this.startOf(bytes) + bytes - this.ring.length
    return this.starts[position & this.mask]! >= keepFrom && this._newest - position < this.mask
  }

  /** The symbol at a held position. */
  symbolAt(position: number): string {
    return this.symbols[position & this.mask]!
  }

  /** Bytes of a held position's entry in a `TickBatch`. */
  entryLength(position: number): number {
    return this.lengths[position & this.mask]!
  }

  /**
   * The end (exclusive) of a run that begins at the held position `from`. The run lies in one piece, and has at most
   * `ticksMax` ticks and `bytesMax` bytes, but at least one tick.
   */
  endOfRun(from: number, ticksMax: number, bytesMax: number): number {
    const limit = Math.min(this._newest + 1, from + ticksMax)
    const first = this.starts[from & this.mask]!
    let end = first + this.entryLength(from)
    let position = from + 1
    for (; position < limit; position++) {
      const slot = position & this.mask
      if (this.starts[slot] !== end) break
      end += this.lengths[slot]!
      if (end - first > bytesMax) break
    }
    return position
  }

  /** A copy of the run from `from` to `end` (exclusive): one `TickBatch` without `first_position`. */
  copyRun(from: number, end: number): Buffer {
    return this.batchOf(from, end, 0)
  }

  /** A copy of the run from `from` to `end` (exclusive): one `TickBatch` with `first_position`. */
  copyBatch(from: number, end: number): Buffer {
    this.positionField[0] = TAG_FIRST_POSITION
    return this.batchOf(from, end, writeVarint(this.positionField, 1, from))
  }

  /** A copy of one held tick: one `Tick`. */
  copyTick(position: number): Buffer {
    const base = this.starts[position & this.mask]! % this.ring.length
    const length = this.entryLength(position)
    // The tick follows the tag and a length of one or two bytes.
    const header = this.ring[base + 1]! < 128 ? 2 : 3
    return copyOf(this.ring, base + header, length - header)
  }

  /** @param headBytes of the position field that stand in front of the ticks: a reader then need not search for it */
  private batchOf(from: number, end: number, headBytes: number): Buffer {
    const start = this.starts[from & this.mask]!
    const last = (end - 1) & this.mask
    const length = this.starts[last]! + this.lengths[last]! - start
    const base = start % this.ring.length
    const batch = Buffer.allocUnsafe(headBytes + length)
    batch.set(this.positionField.subarray(0, headBytes))
    this.ring.copy(batch, headBytes, base, base + length)
    return batch
  }

  /** Drops the oldest ticks until `bytes` fit in one piece behind the newest tick. Returns their start. */
  private makeRoom(bytes: number): number {
    const start = this.startOf(bytes)
    const keepFrom = start + bytes - this.ring.length
    while (
      this._oldest <= this._newest &&
      (this.starts[this._oldest & this.mask]! < keepFrom || this._newest - this._oldest >= this.mask)
    ) {
      this._oldest++
    }
    return start
  }

  /** The start of `bytes` in one piece behind the newest tick. */
  private startOf(bytes: number): number {
    const size = this.ring.length
    const offset = this.end % size
    return offset + bytes > size ? this.end - offset + size : this.end
  }
}

function copyOf(ring: Buffer, start: number, length: number): Buffer {
  const copy = Buffer.allocUnsafe(length)
  ring.copy(copy, 0, start, start + length)
  return copy
}
