/**
 * How messages of one type are read and written. Any thread; one for all messages of the type.
 * A frame on the tape holds one message: two words for each field, at the field's slot, see field-tape.ts.
 */

import { LENGTH_DELIMITED, START_GROUP, VARINT } from '../field-skipper.js'
import {
  defaultText,
  ENUM,
  MESSAGE,
  SCALAR_FORMS,
  STRING_BYTES_PER_BYTE,
  VALUE_BYTES_MAX,
  WELL_KNOWN_FORMS,
} from './json-form.js'
import { WIRE_TYPES } from './wire-type.js'

/** Field numbers up to here are found by an array. */
const DENSE_NUMBER_MAX = 255
const WORDS_PER_FIELD = 2
/** The tag of a field with a higher number takes two bytes. */
const ONE_BYTE_NUMBER_MAX = 15

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** What a descriptor says of a field. */
export interface FieldShape {
  readonly number: number
  readonly jsonName: string
  /** A scalar type of a `.proto` file, the full name of a message, or that of an enum. */
  readonly type: string
  readonly kind: 'scalar' | 'enum' | 'message'
  /** The JSON of each value of an enum. */
  readonly enumTexts: ReadonlyMap<number, string> | undefined
  readonly isMap: boolean
  readonly isRepeated: boolean
  readonly isGroup: boolean
  readonly hasPresence: boolean
}

export class FieldPlan {
  readonly number: number
  readonly wireType: number
  /** Of one value, see json-form.ts. */
  readonly form: number
  /** Index of the field's two words in a frame. */
  readonly slot: number
  readonly isMap: boolean
  /** Repeated, or a map. */
  readonly isList: boolean
  /** Whether values may stand together in one length-delimited field. */
  readonly isPackable: boolean
  /** Of a message, or of a map's entry. */
  child: MessagePlan | undefined = undefined
  /** Slots of the other members of its oneof. */
  oneofSlots: readonly number[] | undefined = undefined
  /** `,"price":` */
  readonly nameText: Uint8Array
  /** The JSON of a value that is not there, such as `0`. Unused for messages. */
  readonly defaultText: Uint8Array
  /** `,"price":0` for a field without presence; undefined: nothing is written where the field is not there. */
  readonly absentText: Uint8Array | undefined
  /** Bounds the JSON that one value adds, beside the bytes of a string. */
  readonly jsonBytesMax: number
  /** Bounds the JSON that each byte of a value adds. */
  readonly jsonBytesPerByte: number
  private readonly enumTexts: ReadonlyMap<number, Uint8Array>

  constructor(shape: FieldShape, index: number) {
    const { isMap, isRepeated, jsonName, kind, type } = shape
    this.number = shape.number
    this.slot = WORDS_PER_FIELD * index
    this.isMap = isMap
    this.isList = isMap || isRepeated
    this.form = isMap ? MESSAGE : formOf(shape)
    this.wireType = shape.isGroup ? START_GROUP : wireTypeOf(shape)
    this.isPackable = isRepeated && kind !== 'message' && this.wireType !== LENGTH_DELIMITED
    const texts = shape.enumTexts ?? new Map<number, string>()
    this.enumTexts = new Map([...texts].map(([number, text]) => [number, ascii(text)]))
    const name = `,${JSON.stringify(jsonName)}:`
    const value = kind === 'enum' ? (texts.get(0) ?? '0') : defaultText(this.form)
    const absent = isMap ? '{}' : isRepeated ? '[]' : value
    const isWritten = this.isList || !(shape.hasPresence || kind === 'message')
    this.nameText = ascii(name)
    this.defaultText = ascii(value)
    this.absentText = isWritten ? ascii(name + absent) : undefined
    const longest = Math.max(type.length, ...[...texts.values()].map(({ length }) => length))
    this.jsonBytesMax = this.nameText.length + VALUE_BYTES_MAX + longest
    this.jsonBytesPerByte =
      this.wireType === LENGTH_DELIMITED && kind === 'scalar' ? STRING_BYTES_PER_BYTE : 0
  }

  /** The JSON of an enum's value, in quotes; undefined for a number that the enum does not name. */
  enumText(number: number): Uint8Array | undefined {
    return this.enumTexts.get(number)
  }
}

export class MessagePlan {
  /** The fields that are written as JSON, in the order of the `.proto` file. */
  readonly shown: readonly FieldPlan[]
  /** Words of a frame. */
  readonly frameWords: number
  /** Bounds the JSON of a message without fields. */
  readonly emptyJsonBytes: number
  /**
   * The fields that are numbers, texts or bytes, not repeated and in no oneof, by the one byte of their tag.
   * Filled when the plan is compiled.
   */
  readonly plainByTag: (FieldPlan | undefined)[] = Array.from({ length: 256 }, () => undefined)
  private readonly dense: (FieldPlan | undefined)[]
  private readonly sparse = new Map<number, FieldPlan>()

  /** @param shown those of `fields` that are written as JSON */
  constructor(fields: readonly FieldPlan[], shown: readonly FieldPlan[]) {
    this.shown = shown
    // A message without fields has a frame, too: its index says that the message is there.
    this.frameWords = WORDS_PER_FIELD * Math.max(1, fields.length)
    this.emptyJsonBytes = 2 + shown.reduce((sum, { absentText }) => sum + (absentText?.length ?? 0), 0)
    const isDense = ({ number }: FieldPlan): boolean => number <= DENSE_NUMBER_MAX
    const highest = Math.max(0, ...fields.filter(isDense).map(({ number }) => number))
    this.dense = Array.from({ length: highest + 1 }, () => undefined)
    for (const field of fields) {
      if (isDense(field)) this.dense[field.number] = field
      else this.sparse.set(field.number, field)
    }
  }

  addPlain(field: FieldPlan): void {
    if (field.number <= ONE_BYTE_NUMBER_MAX) this.plainByTag[(field.number << 3) | field.wireType] = field
  }

  /** The field with this number; undefined when the message has none. */
  fieldOf(number: number): FieldPlan | undefined {
    return number < this.dense.length ? this.dense[number] : this.sparse.get(number)
  }
}

function formOf({ kind, type }: FieldShape): number {
  if (kind === 'enum') return ENUM
  return kind === 'scalar' ? SCALAR_FORMS[type]! : (WELL_KNOWN_FORMS.get(type) ?? MESSAGE)
}

function wireTypeOf({ isMap, kind, type }: FieldShape): number {
  if (isMap || kind === 'message') return LENGTH_DELIMITED
  return kind === 'enum' ? VARINT : WIRE_TYPES[type]!
}
