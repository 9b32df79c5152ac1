/** The kind of the tick that was read last. One reader's own; the numbers are those of the codec. */
import type { KindNumbers } from './kind-numbers.js'
import type { MessagePlan } from './message-plan.js'
import { SlotPath } from './slot-path.js'
import { isUtf8, writeText } from './text-json.js'
import type { KindCase, KindPlan } from './tick-plan.js'
import type { WireValue } from './wire-value.js'

/** The longest kind that a string names, in bytes: as for a symbol. */
const KIND_BYTES_MAX = 64
/** The kind of a tick that names none. */
const NO_KIND = new TextEncoder().encode('tick')
/** Numbers that an enum does not name, whose texts are kept. */
const UNKNOWN_TEXTS_MAX = 64
const NO_CASES: readonly KindCase[] = []

export class KindReader {
  private readonly bytes: Uint8Array
  private readonly numbers: KindNumbers
  private readonly value: WireValue
  private readonly form: KindPlan['form']
  private readonly cases: readonly KindCase[]
  /** Of the kind itself, or of the message that has the oneof; undefined: the tick has it. */
  private readonly path: SlotPath | undefined
  private readonly unknownTexts = new Map<number, Uint8Array>()
  /** The name is `source[start, start + length)`. */
  private source: Uint8Array = NO_KIND
  private start = 0
  private length = 0
  private number = 0

  constructor(
    plan: KindPlan,
    message: MessagePlan,
    bytes: Uint8Array,
    value: WireValue,
    numbers: KindNumbers,
  ) {
    this.bytes = bytes
    this.numbers = numbers
    this.value = value
    this.form = plan.form
    this.cases = plan.form === 'oneof' ? plan.cases : NO_CASES
    if (plan.form === 'oneof')
      this.path = plan.above.length === 0 ? undefined : new SlotPath(message, [plan.above])
    else this.path = plan.form === 'none' ? undefined : new SlotPath(message, plan.branches)
  }

  /** Takes the kind of the tick whose frame is `root`. @returns false when it cannot be read */
  take(words: Int32Array, root: number): boolean {
    this.name(NO_KIND, 0, NO_KIND.length)
    switch (this.form) {
      case 'none':
        return true
      case 'oneof':
        this.takeCase(words, root)
        return true
      case 'enum':
        this.takeEnum(words, root)
        return true
      case 'string':
        return this.takeString(words, root)
    }
  }

  /** See `TickFields.kind`. */
  get index(): number {
    const isNamed = this.form === 'enum' && this.source !== NO_KIND
    return isNamed
      ? this.numbers.ofNumber(this.number)
      : this.numbers.ofName(this.source, this.start, this.length)
  }

  get nameLength(): number {
    return this.length
  }

  writeJson(target: Uint8Array, at: number): number {
    return writeText(target, at, this.source, this.start, this.length)
  }

  writeName(target: Uint8Array, at: number): number {
    for (let index = 0; index < this.length; index++) target[at + index] = this.source[this.start + index]!
    return at + this.length
  }

  private takeCase(words: Int32Array, root: number): void {
    const { cases, path } = this
    let frame = root
    if (path !== undefined) {
      const slot = path.find(words, root)
      frame = slot === 0 ? 0 : words[slot]!
      if (frame === 0) return
    }
    for (let index = 0; index < cases.length; index++) {
      const { name, slot } = cases[index]!
      if (words[frame + slot] !== 0) this.name(name, 0, name.length)
    }
  }

  private takeEnum(words: Int32Array, root: number): void {
    const slot = this.path!.find(words, root)
    if (slot === 0) return
    const { field } = this.path!
    if (words[slot] === 0) {
      if (field.absentText === undefined) return
      this.number = 0
    } else {
      this.value.read(words[slot]!, field)
      this.number = this.value.low
    }
    const text = field.enumText(this.number)
    // Without its quotes.
    if (text !== undefined) this.name(text, 1, text.length - 2)
    else {
      const digits = this.unknownText(this.number)
      this.name(digits, 0, digits.length)
    }
  }

  private takeString(words: Int32Array, root: number): boolean {
    const slot = this.path!.find(words, root)
    if (slot === 0 || words[slot] === 0 || words[slot + 1] === 0) return true
    const start = words[slot]!
    const length = words[slot + 1]!
    this.name(this.bytes, start, length)
    return length <= KIND_BYTES_MAX && isUtf8(this.bytes, start, length)
  }

  private unknownText(number: number): Uint8Array {
    const known = this.unknownTexts.get(number)
    if (known !== undefined) return known
    const text = new TextEncoder().encode(String(number))
    if (this.unknownTexts.size < UNKNOWN_TEXTS_MAX) this.unknownTexts.set(number, text)
    return text
  }

  private name(source: Uint8Array, start: number, length: number): void {
    this.source = source
    this.start = start
    this.length = length
  }
}
