/**
 * Reads one protobuf `Tick` (proto/ringcast.proto) into a TickFields, or says that it is not one. Lanes only.
 * Never throws and never reads outside the bytes it was given, whatever they hold; unknown fields are skipped.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */
import { SYMBOL_BYTES_MAX } from '../common/symbol.js'
import { QUOTE, TICK_BYTES_MAX, type TickFields, TRADE } from './tick-fields.js'

const VARINT = 0
const FIXED64 = 1
const LENGTH_DELIMITED = 2
const FIXED32 = 5

export class TickDecoder {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0
  private end = 0
  // The last varint.
  private low = 0
  private high = 0

  /** @param bytes everything that `decode` will be asked to read from */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /**
   * Decodes the tick at `bytes[start, end)` into `fields`.
   *
   * @returns false when it is not a valid tick; `fields` is undefined then
   */
  decode(start: number, end: number, fields: TickFields): boolean {
    if (end - start > TICK_BYTES_MAX) return false
    this.at = start
    this.end = end
    clear(fields)
    while (this.at < end) {
      if (!this.varint() || this.high !== 0) return false
      if (!this.field(this.low >>> 3, this.low & 7, fields)) return false
    }
    return fields.symbolLength > 0 && (fields.kind === QUOTE || fields.kind === TRADE)
  }

  private field(number: number, wireType: number, fields: TickFields): boolean {
    switch (wireType) {
      case VARINT:
        if (number === 0 || !this.varint()) return false
        return this.varintField(number, fields)
      case FIXED64: {
        if (number === 0 || this.at + 8 > this.end) return false
        const value = this.view.getFloat64(this.at, true)
        this.at += 8
        doubleField(number, value, fields)
        return true
      }
      case LENGTH_DELIMITED: {
        if (number === 0 || !this.varint() || this.high !== 0) return false
        const length = this.low >>> 0
        if (length > this.end - this.at) return false
        if (number === 1) {
          if (length > SYMBOL_BYTES_MAX) return false
          fields.symbolStart = this.at
          fields.symbolLength = length
        }
        this.at += length
        return true
      }
      case FIXED32:
        this.at += 4
        return number !== 0 && this.at <= this.end
      default:
        return false
    }
  }

  private varintField(number: number, fields: TickFields): boolean {
    switch (number) {
      case 2:
        fields.kind = this.low
        return this.high === 0
      case 3:
        fields.sequenceLow = this.low
        fields.sequenceHigh = this.high
        return true
      case 4:
        fields.timeLow = this.low
        fields.timeHigh = this.high
        return true
      case 11: {
        // Positions stay below 2^53.
        if (this.high >>> 21 !== 0) return false
        fields.position = this.high * 0x1_0000_0000 + (this.low >>> 0)
        return true
      }
      default:
        return true
    }
  }

  /** Reads a varint into `low` and `high`. @returns false when it is cut off or longer than ten bytes */
  private varint(): boolean {
    const { bytes, end } = this
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) return false
      const byte = bytes[this.at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= bits << 31
      if (byte < 0x80) {
        this.low = low
        this.high = high
        return true
      }
    }
    return false
  }
}

function doubleField(number: number, value: number, fields: TickFields): void {
  switch (number) {
    case 5:
      fields.bid = value
      break
    case 6:
      fields.bidSize = value
      break
    case 7:
      fields.ask = value
      break
    case 8:
      fields.askSize = value
      break
    case 9:
      fields.last = value
      break
    case 10:
      fields.lastSize = value
      break
  }
}

function clear(fields: TickFields): void {
  fields.symbolLength = 0
  fields.kind = 0
  fields.sequenceLow = 0
  fields.sequenceHigh = 0
  fields.timeLow = 0
  fields.timeHigh = 0
  fields.bid = 0
  fields.bidSize = 0
  fields.ask = 0
  fields.askSize = 0
  fields.last = 0
  fields.lastSize = 0
  fields.position = 0
}
