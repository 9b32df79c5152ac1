/** Reads numbers of a message that was checked before, by the index of their bytes. One reader's own. */

import { FIXED32, FIXED64 } from '../field-skipper.js'
import * as form from './json-form.js'
import type { FieldPlan } from './message-plan.js'

export class WireValue {
  /** The number that was read last, as two int32 halves. */
  low = 0
  high = 0
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Reads an integer, a bool or an enum into `low` and `high`. */
  read(index: number, { form: how, wireType }: FieldPlan): void {
    if (wireType === FIXED64) {
      this.low = this.view.getInt32(index, true)
      this.high = this.view.getInt32(index + 4, true)
    } else if (wireType === FIXED32) {
      this.low = this.view.getInt32(index, true)
      this.high = how === form.SFIXED32 ? this.low >> 31 : 0
    } else {
      this.varint(index)
      if (how === form.SINT32 || how === form.SINT64) this.unzigzag()
      // Of a number of 32 bits, the lower half counts.
      if (how === form.UINT32) this.high = 0
      else if (how === form.INT32 || how === form.SINT32 || how === form.ENUM) this.high = this.low >> 31
    }
  }

  double(index: number): number {
    return this.view.getFloat64(index, true)
  }

  float(index: number): number {
    return this.view.getFloat32(index, true)
  }

  /** The index after the number at `index`. */
  after(index: number, wireType: number): number {
    if (wireType === FIXED64) return index + 8
    if (wireType === FIXED32) return index + 4
    let next = index
    while (this.bytes[next++]! >= 0x80);
    return next
  }

  /** The signed integer that a message holds, as a double; 0 where it is not there. */
  memberNumber(words: Int32Array, field: FieldPlan, frame: number): number {
    const index = words[frame + field.slot]!
    if (index === 0) return 0
    this.read(index, field)
    return this.high * 0x1_0000_0000 + (this.low >>> 0)
  }

  private varint(index: number): void {
    const { bytes } = this
    let low = 0
    let high = 0
    let at = index
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++]!
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else if (shift < 63) high |= bits << (shift - 32)
      else high |= bits << 31
      if (byte < 0x80) break
    }
    this.low = low
    this.high = high
  }

  /** https://protobuf.dev/programming-guides/encoding/#signed-ints */
  private unzigzag(): void {
    const sign = -(this.low & 1)
    const low = ((this.low >>> 1) | (this.high << 31)) ^ sign
    this.high = (this.high >>> 1) ^ sign
    this.low = low
  }
}
