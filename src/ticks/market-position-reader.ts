/**
 * Reads the position of a quote or trade and steps over all other fields. Main thread: it costs a tenth of decoding.
 * Never throws, and never counts bytes outside of the range it was given.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */
import { SYMBOL_BYTES_MAX } from '../common/symbol.js'
import { FIXED32, FIXED64, FieldSkipper, LENGTH_DELIMITED, VARINT } from './field-skipper.js'
import { NO_TICK, type PositionReader } from './tick-codec.js'

// The tags of Tick in proto/ringcast.proto.
const SYMBOL_TAG = 0x0a
const KIND_TAG = 0x10
const POSITION_TAG = 0x58

export class MarketPositionReader implements PositionReader {
  private readonly skipper = new FieldSkipper()
  private bytes: Uint8Array = new Uint8Array(0)
  private at = 0
  private end = 0

  positionOf(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes
    this.at = start
    this.end = end
    let position = 0
    let hasSymbol = false
    let hasKind = false
    while (this.at < end) {
      const tag = this.varint()
      switch (tag & 7) {
        case VARINT: {
          const value = this.varint()
          if (tag < 8 || value < 0) return NO_TICK
          if (tag === POSITION_TAG) position = value
          else if (tag === KIND_TAG) hasKind = value > 0
          break
        }
        case FIXED64:
          this.at += 8
          break
        case LENGTH_DELIMITED: {
          const length = this.varint()
          if (length < 0 || length > end - this.at) return NO_TICK
          if (tag === SYMBOL_TAG) {
            if (length > SYMBOL_BYTES_MAX) return NO_TICK
            hasSymbol = length > 0
          }
          this.at += length
          break
        }
        case FIXED32:
          this.at += 4
          break
        default:
          if (tag < 0 || !this.skipGroup(tag)) return NO_TICK
      }
    }
    const isTick = this.at === end && hasSymbol && hasKind && position <= Number.MAX_SAFE_INTEGER
    return isTick ? position : NO_TICK
  }

  private skipGroup(tag: number): boolean {
    this.at = this.skipper.skip(this.bytes, this.at, this.end, tag)
    return this.at >= 0
  }

  /** @returns -1 when the varint is cut off or longer than ten bytes. Exact below 2^53. */
  private varint(): number {
    const { bytes, end } = this
    let at = this.at
    let value = 0
    let factor = 1
    for (let index = 0; index < 10; index++) {
      if (at >= end) return -1
      const byte = bytes[at++]!
      if (byte < 0x80) {
        this.at = at
        return value + byte * factor
      }
      value += (byte & 0x7f) * factor
      factor *= 128
    }
    return -1
  }
}
