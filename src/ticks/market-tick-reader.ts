/**
 * Reads one quote or trade after another (`Tick` of proto/ringcast.proto), or says that the bytes are no tick. Lanes only.
 * Never throws, and never reads outside of the bytes it was given. Unknown fields are skipped.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */
import { SYMBOL_BYTES_MAX } from '../common/symbol.js'
import { TICKS_TAG, writeBytesField } from './binary-tick.js'
import { FIXED32, FIXED64, FieldSkipper, LENGTH_DELIMITED, VARINT } from './field-skipper.js'
import { MarketTick, NO_KIND, TRADE_INDEX } from './market-tick.js'
import { writeMarketTickJson } from './market-tick-json.js'
import { TICK_BYTES_DEFAULT, type TickReader, UNKNOWN_KIND } from './tick-codec.js'
import { nanosToMicros } from './time-units.js'

export class MarketTickReader extends MarketTick implements TickReader {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private readonly tickBytesMax: number
  private readonly skipper = new FieldSkipper()
  private at = 0
  private end = 0
  // The two halves of the varint that was read last.
  private low = 0
  private high = 0

  /** @param bytes the memory that holds the ticks @param tickBytesMax the longest tick */
  constructor(bytes: Uint8Array, tickBytesMax: number = TICK_BYTES_DEFAULT) {
    super()
    this.bytes = bytes
    this.tickBytesMax = tickBytesMax
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  decode(start: number, end: number): boolean {
    if (end - start > this.tickBytesMax) return false
    this.at = start
    this.end = end
    this.clear()
    while (this.at < end) {
      if (!this.varint() || this.high !== 0) return false
      if (!this.field(this.low >>> 3, this.low & 7)) return false
    }
    return this.symbolLength > 0 && this.kind !== NO_KIND
  }

  timeUs(): number {
    return nanosToMicros(this.timeLow, this.timeHigh)
  }

  writeJson(target: Uint8Array, at: number, prefixes: readonly Uint8Array[]): number {
    return writeMarketTickJson(target, at, this, prefixes[this.kind]!)
  }

  writeBinary(target: Uint8Array, at: number, start: number, end: number): number {
    return writeBytesField(target, at, TICKS_TAG, this.bytes, start, end)
  }

  private field(number: number, wireType: number): boolean {
    switch (wireType) {
      case VARINT:
        if (number === 0 || !this.varint()) return false
        return this.varintField(number)
      case FIXED64: {
        if (number === 0 || this.at + 8 > this.end) return false
        const value = this.view.getFloat64(this.at, true)
        this.at += 8
        this.doubleField(number, value)
        return true
      }
      case LENGTH_DELIMITED: {
        if (number === 0 || !this.varint() || this.high !== 0) return false
        const length = this.low >>> 0
        if (length > this.end - this.at) return false
        if (number === 1) {
          if (length > SYMBOL_BYTES_MAX) return false
          this.symbolStart = this.at
          this.symbolLength = length
        }
        this.at += length
        return true
      }
      case FIXED32:
        this.at += 4
        return number !== 0 && this.at <= this.end
      default:
        return this.skipGroup(number * 8 + wireType)
    }
  }

  private skipGroup(tag: number): boolean {
    const at = this.skipper.skip(this.bytes, this.at, this.end, tag)
    if (at >= 0) this.at = at
    return at >= 0
  }

  private varintField(number: number): boolean {
    switch (number) {
      case 2:
        // An enum has 32 bits. A newer feed may have added kinds.
        this.kind = this.low - 1
        if (this.kind < NO_KIND || this.kind > TRADE_INDEX) this.kind = UNKNOWN_KIND
        return true
      case 3:
        this.sequenceLow = this.low
        this.sequenceHigh = this.high
        return true
      case 4:
        this.timeLow = this.low
        this.timeHigh = this.high
        return true
      case 11:
        // Positions stay below 2^53, see MarketPositionReader.
        return this.high >>> 21 === 0
      default:
        return true
    }
  }

  private doubleField(number: number, value: number): void {
    switch (number) {
      case 5:
        this.bid = value
        break
      case 6:
        this.bidSize = value
        break
      case 7:
        this.ask = value
        break
      case 8:
        this.askSize = value
        break
      case 9:
        this.last = value
        break
      case 10:
        this.lastSize = value
        break
    }
  }

  /** Reads a varint into `low` and `high`. @returns false when the varint is cut off or longer than ten bytes */
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
