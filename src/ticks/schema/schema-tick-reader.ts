/**
 * Reads one tick of a user's schema after another. Lanes only.
 * Ticks whose JSON might not fit are written into a buffer of the reader's own first, so that `decode` says whether it
 * does. Why a reader looks at all fields: docs/decisions/0073-a-schema-of-ones-own.md.
 */
import { SYMBOL_BYTES_MAX } from '../../common/symbol.js'
import { SCHEMA_TICKS_TAG, writeBytesField } from '../binary-tick.js'
import { NO_TICK, type TickReader } from '../tick-codec.js'
import { varintBytes, writeVarint } from '../varint.js'
import { FieldTape } from './field-tape.js'
import { HeadJson } from './head-json.js'
import type { KindNumbers } from './kind-numbers.js'
import { KindReader } from './kind-reader.js'
import { MessageJson } from './message-json.js'
import { MessageReader } from './message-reader.js'
import { HEAD_JSON_BYTES_MAX, PREFIX_BYTES_MAX, type SchemaLimits } from './schema-limits.js'
import { positionAt } from './schema-position-reader.js'
import { SlotPath } from './slot-path.js'
import type { TickPlan } from './tick-plan.js'
import { WireValue } from './wire-value.js'

const CLOSE_BRACE = 0x7d
const NO_BYTES = new Uint8Array(0)

// The tags of SchemaTick in proto/ringcast.proto.
const SYMBOL_TAG = 0x0a
const KIND_TAG = 0x12
const MESSAGE_TAG = 0x1a

export class SchemaTickReader implements TickReader {
  /** The schema's kinds are open: a name or a number that is new is a kind, too. */
  readonly isKindKnown = true
  symbolStart = 0
  symbolLength = 0
  private readonly bytes: Uint8Array
  private readonly plan: TickPlan
  private readonly limits: SchemaLimits
  private readonly tape: FieldTape
  private readonly message: MessageReader
  private readonly json: MessageJson
  private readonly head: HeadJson
  private readonly value: WireValue
  private readonly symbolPath: SlotPath
  private readonly kindReader: KindReader
  private readonly sequencePath: SlotPath | undefined
  private readonly timePath: SlotPath | undefined
  private readonly positionPath: SlotPath | undefined
  /** The frame of the tick. */
  private root = 0
  /** Holds the JSON behind the prefix where `bodyBytes` is above 0. */
  private body = NO_BYTES
  private bodyBytes = 0

  constructor(bytes: Uint8Array, plan: TickPlan, limits: SchemaLimits, numbers: KindNumbers) {
    this.bytes = bytes
    this.plan = plan
    this.limits = limits
    this.tape = new FieldTape(limits.tapeWordsMax)
    this.message = new MessageReader(bytes, this.tape)
    this.json = new MessageJson(bytes, this.tape)
    this.value = new WireValue(bytes)
    this.head = new HeadJson(bytes, this.json, this.value)
    const { kind, message, position, sequence, symbol, time } = plan
    this.symbolPath = new SlotPath(message, symbol)
    this.kindReader = new KindReader(kind, message, bytes, this.value, numbers)
    this.sequencePath = sequence && new SlotPath(message, sequence)
    this.timePath = time && new SlotPath(message, time.branches)
    this.positionPath = position && new SlotPath(message, position)
  }

  get kind(): number {
    return this.kindReader.index
  }

  decode(start: number, end: number): boolean {
    if (end - start > this.limits.tickBytesMax) return false
    const root = this.message.read(this.plan.message, start, end)
    if (root === 0) return false
    this.root = root
    const { words } = this.tape
    this.takeSymbol(words, root)
    if (this.symbolLength > SYMBOL_BYTES_MAX || !this.hasPosition(words, root)) return false
    // No tick: nobody will ask for more of it.
    if (this.symbolLength === 0) return true
    return this.kindReader.take(words, root) && this.fitsAsJson()
  }

  timeUs(): number {
    const { head, plan, root, timePath } = this
    return timePath === undefined ? Number.NaN : head.timeUs(timePath, plan.time!.unit, this.tape.words, root)
  }

  writeJson(target: Uint8Array, at: number, prefixes: readonly Uint8Array[]): number {
    const prefix = prefixes[0]!
    for (let index = 0; index < prefix.length; index++) target[at + index] = prefix[index]!
    const next = at + prefix.length
    if (this.bodyBytes === 0) return this.writeBody(target, next)
    // What was measured is what is written, also where the writer of the log has overwritten the tick meanwhile.
    for (let index = 0; index < this.bodyBytes; index++) target[next + index] = this.body[index]!
    return next + this.bodyBytes
  }

  writeBinary(target: Uint8Array, at: number, start: number, end: number): number {
    const { bytes, kindReader, symbolLength, symbolStart } = this
    const { nameLength } = kindReader
    const length = end - start
    // Symbol, kind and message, each with its tag and length.
    const headBytes = 2 + symbolLength + 1 + varintBytes(nameLength) + nameLength
    target[at] = SCHEMA_TICKS_TAG
    let next = writeVarint(target, at + 1, headBytes + 1 + varintBytes(length) + length)
    next = writeBytesField(target, next, SYMBOL_TAG, bytes, symbolStart, symbolStart + symbolLength)
    target[next] = KIND_TAG
    next = kindReader.writeName(target, writeVarint(target, next + 1, nameLength))
    return writeBytesField(target, next, MESSAGE_TAG, bytes, start, end)
  }

  /** Writes what follows the symbol. @returns the index after it */
  private writeBody(target: Uint8Array, at: number): number {
    const { head, json, plan, root, sequencePath, timePath } = this
    const { words } = this.tape
    let next = this.kindReader.writeJson(target, at)
    if (sequencePath !== undefined) next = head.writeSequence(target, next, sequencePath, words, root)
    if (timePath !== undefined) next = head.writeTime(target, next, timePath, plan.time!.unit, words, root)
    next = json.writeFields(target, next, plan.message, root)
    target[next] = CLOSE_BRACE
    return next + 1
  }

  private takeSymbol(words: Int32Array, root: number): void {
    const slot = this.symbolPath.find(words, root)
    const isThere = slot !== 0 && words[slot] !== 0
    this.symbolStart = isThere ? words[slot]! : 0
    this.symbolLength = isThere ? words[slot + 1]! : 0
  }

  /** @returns false when the position is none: it must be below 2^53 */
  private hasPosition(words: Int32Array, root: number): boolean {
    return (
      this.positionPath === undefined || positionAt(this.positionPath, words, root, this.value) !== NO_TICK
    )
  }

  private fitsAsJson(): boolean {
    const { jsonBytesMax } = this.limits
    this.bodyBytes = 0
    if (HEAD_JSON_BYTES_MAX + this.message.jsonBytes <= jsonBytesMax) return true
    if (this.body === NO_BYTES) this.body = new Uint8Array(jsonBytesMax)
    this.bodyBytes = this.writeBody(this.body, 0)
    return PREFIX_BYTES_MAX + this.bodyBytes <= jsonBytesMax
  }
}
