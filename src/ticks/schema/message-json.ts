/**
 * Writes a message that stands on a tape as JSON, straight into bytes. One reader's own. Nothing is allocated for
 * ordinary values. Writing beyond the end of the target does nothing, and the index goes on.
 */

import { LENGTH_DELIMITED } from '../field-skipper.js'
import { writeAscii, writeDouble, writeFloat, writeInt64, writeSigned, writeUint64 } from '../number-text.js'
import { type FieldTape, NODE_IS_PACKED, NODE_LENGTH, NODE_NEXT, NODE_VALUE } from './field-tape.js'
import * as form from './json-form.js'
import type { FieldPlan, MessagePlan } from './message-plan.js'
import { writeBase64, writeText } from './text-json.js'
import { writeDuration, writeTimestamp } from './well-known-json.js'
import { WireValue } from './wire-value.js'

const COMMA = 0x2c
const QUOTE = 0x22
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

export class MessageJson {
  private readonly bytes: Uint8Array
  private readonly tape: FieldTape
  private readonly value: WireValue

  /** @param bytes of which the tape holds indexes */
  constructor(bytes: Uint8Array, tape: FieldTape) {
    this.bytes = bytes
    this.tape = tape
    this.value = new WireValue(bytes)
  }

  /** Writes the fields of a message, each with a comma in front of it. @returns the index after them */
  writeFields(target: Uint8Array, at: number, plan: MessagePlan, frame: number): number {
    const { shown } = plan
    const { words } = this.tape
    let next = at
    for (let index = 0; index < shown.length; index++) {
      const field = shown[index]!
      const value = words[frame + field.slot]!
      if (value === 0) {
        if (field.absentText !== undefined) next = copyText(target, next, field.absentText)
        continue
      }
      next = copyText(target, next, field.nameText)
      if (field.isMap) next = this.writeMap(target, next, field, value)
      else if (field.isList) next = this.writeList(target, next, field, value)
      else next = this.writeValue(target, next, field, value, words[frame + field.slot + 1]!)
    }
    return next
  }

  private writeMessage(target: Uint8Array, at: number, plan: MessagePlan, frame: number): number {
    // The text is too long already: what follows would be thrown away, too.
    if (at > target.length) return at
    let next = this.writeFields(target, at, plan, frame)
    // The brace takes the place of the first comma.
    if (next === at) next++
    target[at] = OPEN_BRACE
    target[next] = CLOSE_BRACE
    return next + 1
  }

  private writeList(target: Uint8Array, at: number, field: FieldPlan, first: number): number {
    const { words } = this.tape
    let next = at
    for (let node = first; node !== 0; node = words[node + NODE_NEXT]!) {
      const value = words[node + NODE_VALUE]!
      const length = words[node + NODE_LENGTH]!
      if (words[node + NODE_IS_PACKED] === 1) next = this.writePacked(target, next, field, value, length)
      else {
        target[next] = COMMA
        next = this.writeValue(target, next + 1, field, value, length)
      }
    }
    target[at] = OPEN_BRACKET
    target[next] = CLOSE_BRACKET
    return next + 1
  }

  /** Writes packed values, each with a comma in front of it. */
  private writePacked(target: Uint8Array, at: number, field: FieldPlan, start: number, end: number): number {
    let next = at
    for (let index = start; index < end; index = this.value.after(index, field.wireType)) {
      target[next] = COMMA
      next = this.writeValue(target, next + 1, field, index, 0)
    }
    return next
  }

  private writeMap(target: Uint8Array, at: number, { child }: FieldPlan, first: number): number {
    const { words } = this.tape
    const key = child!.fieldOf(1)!
    const value = child!.fieldOf(2)!
    let next = at
    for (let node = first; node !== 0; node = words[node + NODE_NEXT]!) {
      const frame = words[node + NODE_VALUE]!
      target[next] = COMMA
      next = this.writeKey(target, next + 1, key, frame)
      target[next] = COLON
      next = this.writeMember(target, next + 1, value, frame)
    }
    target[at] = OPEN_BRACE
    target[next] = CLOSE_BRACE
    return next + 1
  }

  private writeKey(target: Uint8Array, at: number, key: FieldPlan, frame: number): number {
    if (key.wireType === LENGTH_DELIMITED) return this.writeMember(target, at, key, frame)
    target[at] = QUOTE
    let next = this.writeMember(target, at + 1, key, frame)
    // A key from 2^53 on has its quotes already.
    if (target[at + 1] === QUOTE) {
      for (let index = at; index < next - 1; index++) target[index] = target[index + 1]!
      return next - 1
    }
    target[next++] = QUOTE
    return next
  }

  /** Writes a value, or its default where it is not there. */
  private writeMember(target: Uint8Array, at: number, field: FieldPlan, frame: number): number {
    const { words } = this.tape
    const value = words[frame + field.slot]!
    if (value === 0) return copyText(target, at, field.defaultText)
    return this.writeValue(target, at, field, value, words[frame + field.slot + 1]!)
  }

  /** @param value index of its bytes, or its frame @param length of a string */
  private writeValue(
    target: Uint8Array,
    at: number,
    field: FieldPlan,
    value: number,
    length: number,
  ): number {
    switch (field.form) {
      case form.STRING:
        return writeText(target, at, this.bytes, value, length)
      case form.BYTES:
        return writeBase64(target, at, this.bytes, value, length)
      case form.MESSAGE:
        return this.writeMessage(target, at, field.child!, value)
      case form.WRAPPER:
        return this.writeMember(target, at, field.child!.fieldOf(1)!, value)
      case form.TIMESTAMP:
        return writeTimestamp(target, at, this.secondsOf(field, value), this.nanosOf(field, value))
      case form.DURATION:
        return writeDuration(target, at, this.secondsOf(field, value), this.nanosOf(field, value))
      default:
        return this.writeNumber(target, at, field, value)
    }
  }

  /** Writes a number, a bool or an enum. @param index of its bytes @returns the index after it */
  writeNumber(target: Uint8Array, at: number, field: FieldPlan, index: number): number {
    const { value } = this
    switch (field.form) {
      case form.DOUBLE:
        return writeDouble(target, at, value.double(index))
      case form.FLOAT:
        return writeFloat(target, at, value.float(index))
      default:
        value.read(index, field)
    }
    switch (field.form) {
      case form.BOOL:
        return writeAscii(target, at, value.low === 0 && value.high === 0 ? 'false' : 'true')
      case form.ENUM: {
        const text = field.enumText(value.low)
        return text === undefined ? writeSigned(target, at, value.low) : copyText(target, at, text)
      }
      case form.UINT64:
      case form.FIXED64_NUMBER:
        return writeUint64(target, at, value.low, value.high)
      case form.INT64:
      case form.SINT64:
      case form.SFIXED64:
        return writeInt64(target, at, value.low, value.high)
      case form.UINT32:
      case form.FIXED32_NUMBER:
        return writeUint64(target, at, value.low, 0)
      default:
        return writeSigned(target, at, value.low)
    }
  }

  private secondsOf({ child }: FieldPlan, frame: number): number {
    return this.value.memberNumber(this.tape.words, child!.fieldOf(1)!, frame)
  }

  private nanosOf({ child }: FieldPlan, frame: number): number {
    return this.value.memberNumber(this.tape.words, child!.fieldOf(2)!, frame)
  }
}

/** @returns the index after the text */
export function copyText(target: Uint8Array, at: number, text: Uint8Array): number {
  for (let index = 0; index < text.length; index++) target[at + index] = text[index]!
  return at + text.length
}
