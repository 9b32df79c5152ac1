/**
 * Reads the position of a tick of a user's schema. Main thread. It takes the whole message apart, because the last value of a
 * field counts and a member of a oneof replaces the others: docs/decisions/0080-offsets-belong-to-the-stream.md has what that
 * costs.
 */
import { NO_SYMBOL, NO_TICK, type PositionReader } from '../tick-codec.js'
import { FieldTape } from './field-tape.js'
import { MessageReader } from './message-reader.js'
import type { SchemaLimits } from './schema-limits.js'
import type { Branch } from './schema-paths.js'
import { SlotPath } from './slot-path.js'
import type { TickPlan } from './tick-plan.js'
import { WireValue } from './wire-value.js'

export class SchemaPositionReader implements PositionReader {
  private readonly plan: TickPlan
  /** A copy of the tick: the reader of messages is bound to one memory. */
  private readonly tick: Uint8Array
  private readonly tape: FieldTape
  private readonly message: MessageReader
  private readonly value: WireValue
  private readonly symbolPath: SlotPath
  private readonly positionPath: SlotPath

  /** @param position where the position is in the message */
  constructor(plan: TickPlan, position: readonly Branch[], { tapeWordsMax, tickBytesMax }: SchemaLimits) {
    this.plan = plan
    this.tick = new Uint8Array(tickBytesMax)
    this.tape = new FieldTape(tapeWordsMax)
    this.message = new MessageReader(this.tick, this.tape)
    this.value = new WireValue(this.tick)
    this.symbolPath = new SlotPath(plan.message, plan.symbol)
    this.positionPath = new SlotPath(plan.message, position)
  }

  positionOf(bytes: Uint8Array, start: number, end: number): number {
    const { tick } = this
    const length = end - start
    if (length > tick.length) return NO_TICK
    for (let index = 0; index < length; index++) tick[index] = bytes[start + index]!
    const root = this.message.read(this.plan.message, 0, length)
    if (root === 0) return NO_TICK
    const { words } = this.tape
    const symbol = this.symbolPath.find(words, root)
    const position = positionAt(this.positionPath, words, root, this.value)
    const isTick = symbol !== 0 && words[symbol] !== 0 && words[symbol + 1] !== 0
    return isTick || position !== 0 ? position : NO_SYMBOL
  }
}

/** The position that a message on a tape has. @returns 0: it has none; NO_TICK where it is not from 0 to 2^53 */
export function positionAt(path: SlotPath, words: Int32Array, root: number, value: WireValue): number {
  const slot = path.find(words, root)
  if (slot === 0 || words[slot] === 0) return 0
  value.read(words[slot]!, path.field)
  if (value.high >>> 21 !== 0) return NO_TICK
  return value.high * 0x1_0000_0000 + (value.low >>> 0)
}
