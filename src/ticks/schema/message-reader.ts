/**
 * Takes the bytes of a message apart, onto a tape. One reader's own. Never throws, and never reads outside of the range.
 * The last value of a field counts, a message in pieces is one message, and a member of a oneof replaces the others.
 * Unknown fields, and known ones of another wire type, are skipped.
 * Wire format: https://protobuf.dev/programming-guides/encoding/
 */

import {
  END_GROUP,
  FIXED32,
  FIXED64,
  FieldSkipper,
  LENGTH_DELIMITED,
  START_GROUP,
  VARINT,
} from '../field-skipper.js'
import type { FieldTape } from './field-tape.js'
import type { FieldPlan, MessagePlan } from './message-plan.js'

/** As protobuf libraries allow by default. */
const DEPTH_MAX = 100
const VARINT_BYTES_MAX = 10
const LENGTH_OF_SEVERAL_BYTES = 0x80

export class MessageReader {
  /** Bounds the JSON of the message that was read last, from above. */
  jsonBytes = 0
  private readonly bytes: Uint8Array
  private readonly tape: FieldTape
  private readonly skipper = new FieldSkipper()
  private at = 0
  private depth = 0

  constructor(bytes: Uint8Array, tape: FieldTape) {
    this.bytes = bytes
    this.tape = tape
  }

  /** Reads the message at `[start, end)`. @returns the index of its frame; 0 when the bytes are no message */
  read(plan: MessagePlan, start: number, end: number): number {
    this.at = start
    this.depth = 0
    this.jsonBytes = 0
    this.tape.clear()
    const frame = this.addFrame(plan)
    return frame !== 0 && this.fields(plan, frame, end, 0) ? frame : 0
  }

  private addFrame(plan: MessagePlan): number {
    this.jsonBytes += plan.emptyJsonBytes
    return this.tape.addFrame(plan.frameWords)
  }

  /** Reads fields up to `end`, or up to the end of a group. @param group number of the group; 0: none */
  private fields(plan: MessagePlan, frame: number, end: number, group: number): boolean {
    while (this.at < end) {
      if (!this.plainFields(plan, frame, end)) return false
      if (this.at === end) break
      const tag = this.tag(end)
      const number = tag >>> 3
      if (number === 0) return false
      const wireType = tag & 7
      if (wireType === END_GROUP) return number === group
      const field = plan.fieldOf(number)
      if (field === undefined || (wireType !== field.wireType && !isPacked(field, wireType))) {
        if (!this.skip(tag, end)) return false
      } else if (!this.field(field, frame + field.slot, frame, tag, end)) return false
    }
    return group === 0
  }

  /**
   * Reads the fields that stand here and are plain, see MessagePlan: most of all fields, in few steps.
   *
   * @returns false when the bytes are no message
   */
  private plainFields(plan: MessagePlan, frame: number, end: number): boolean {
    const { bytes } = this
    const { plainByTag } = plan
    const { words } = this.tape
    let { at } = this
    let { jsonBytes } = this
    while (at < end) {
      const field = plainByTag[bytes[at]!]
      if (field === undefined) break
      at++
      jsonBytes += field.jsonBytesMax
      const slot = frame + field.slot
      words[slot] = at
      switch (field.wireType) {
        case VARINT: {
          const last = at + VARINT_BYTES_MAX
          while (at < end && bytes[at]! >= 0x80) at++
          at++
          if (at > end || at > last) return false
          break
        }
        case FIXED64:
          at += 8
          if (at > end) return false
          break
        case FIXED32:
          at += 4
          if (at > end) return false
          break
        default: {
          let length = at < end ? bytes[at]! : LENGTH_OF_SEVERAL_BYTES
          if (length < LENGTH_OF_SEVERAL_BYTES) at++
          else {
            this.at = at
            length = this.length(end)
            if (length < 0) return false
            at = this.at
          }
          if (length > end - at) return false
          words[slot] = at
          words[slot + 1] = length
          jsonBytes += length * field.jsonBytesPerByte
          at += length
        }
      }
    }
    this.at = at
    this.jsonBytes = jsonBytes
    return true
  }

  private field(field: FieldPlan, slot: number, frame: number, tag: number, end: number): boolean {
    this.jsonBytes += field.jsonBytesMax
    if (field.oneofSlots !== undefined) this.clear(frame, field.oneofSlots)
    let value = this.at
    let length = 0
    switch (tag & 7) {
      case VARINT:
        if (!this.skipVarint(end)) return false
        break
      case FIXED64:
        this.at += 8
        if (this.at > end) return false
        break
      case FIXED32:
        this.at += 4
        if (this.at > end) return false
        break
      case START_GROUP:
        return this.message(field, slot, end, tag >>> 3)
      default:
        length = this.length(end)
        if (length < 0) return false
        if (field.child !== undefined) return this.message(field, slot, this.at + length, 0)
        value = this.at
        this.at += length
        if (field.wireType !== LENGTH_DELIMITED) return this.packed(field, slot, value)
        this.jsonBytes += length * field.jsonBytesPerByte
    }
    if (field.isList) return this.tape.addNode(slot, value, length, 0)
    const { words } = this.tape
    words[slot] = value
    words[slot + 1] = length
    return true
  }

  /** Reads a message within the message: into the frame that the field has already, unless the field is a list. */
  private message(field: FieldPlan, slot: number, end: number, group: number): boolean {
    const plan = field.child!
    let frame = field.isList ? 0 : this.tape.words[slot]!
    if (frame === 0) {
      frame = this.addFrame(plan)
      if (frame === 0) return false
      if (!field.isList) this.tape.words[slot] = frame
      else if (!this.tape.addNode(slot, frame, 0, 0)) return false
    }
    if (this.depth === DEPTH_MAX) return false
    this.depth++
    const isWhole = this.fields(plan, frame, end, group)
    this.depth--
    return isWhole && (!field.isMap || this.completeEntry(plan, frame))
  }

  /** A map's entry without a value has an empty message for one. */
  private completeEntry(plan: MessagePlan, frame: number): boolean {
    const value = plan.fieldOf(2)!
    if (value.child === undefined || this.tape.words[frame + value.slot] !== 0) return true
    const empty = this.addFrame(value.child)
    this.tape.words[frame + value.slot] = empty
    return empty !== 0
  }

  /** Takes the packed values of `[start, this.at)`. */
  private packed(field: FieldPlan, slot: number, start: number): boolean {
    const end = this.at
    if (start === end) return true
    const length = end - start
    let valueBytesMin = 1
    if (field.wireType === VARINT) {
      this.at = start
      while (this.at < end) if (!this.skipVarint(end)) return false
    } else {
      valueBytesMin = field.wireType === FIXED64 ? 8 : 4
      if (length % valueBytesMin !== 0) return false
    }
    this.jsonBytes += (length / valueBytesMin) * field.jsonBytesMax
    return this.tape.addNode(slot, start, end, 1)
  }

  private clear(frame: number, slots: readonly number[]): void {
    const { words } = this.tape
    for (let index = 0; index < slots.length; index++) words[frame + slots[index]!] = 0
  }

  private skip(tag: number, end: number): boolean {
    const at = this.skipper.skip(this.bytes, this.at, end, tag)
    if (at >= 0) this.at = at
    return at >= 0
  }

  /** A tag has 32 bits. @returns 0 when it is longer or cut off */
  private tag(end: number): number {
    const first = this.bytes[this.at++]!
    if (first < 0x80) return first
    let tag = first & 0x7f
    for (let shift = 7; shift <= 28; shift += 7) {
      if (this.at >= end) return 0
      const byte = this.bytes[this.at++]!
      tag |= (byte & 0x7f) << shift
      if (byte < 0x80) return shift === 28 && byte > 0x0f ? 0 : tag
    }
    return 0
  }

  /** Reads a length, and checks that so many bytes follow. @returns -1 when they do not */
  private length(end: number): number {
    let length = 0
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.at >= end) return -1
      const byte = this.bytes[this.at++]!
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) return (shift === 28 && byte > 0x07) || length > end - this.at ? -1 : length
    }
    return -1
  }

  private skipVarint(end: number): boolean {
    const { bytes } = this
    const last = Math.min(end, this.at + VARINT_BYTES_MAX)
    while (this.at < last) if (bytes[this.at++]! < 0x80) return true
    return false
  }
}

function isPacked(field: FieldPlan, wireType: number): boolean {
  return field.isPackable && wireType === LENGTH_DELIMITED
}
