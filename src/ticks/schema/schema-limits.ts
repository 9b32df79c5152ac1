/** How much one tick of a user's schema may take. Any thread. Pure. */
import { SYMBOL_BYTES_MAX } from '../../common/symbol.js'
import { fieldHeadBytes } from '../binary-tick.js'
import { STRING_BYTES_PER_BYTE, VALUE_BYTES_MAX } from './json-form.js'
import { KIND_NAME_BYTES_MAX, type TickPlan } from './tick-plan.js'

/** A tick whose JSON takes more bytes for each of its own is malformed. Ordinary ones take two to four. */
const JSON_BYTES_PER_BYTE = 8
/** A message of empty messages takes the most words: six for two bytes. */
const TAPE_WORDS_PER_BYTE = 4
const TAPE_WORDS_MIN = 65_536

/** `{"symbol":"…","kind":` */
export const PREFIX_BYTES_MAX = STRING_BYTES_PER_BYTE * SYMBOL_BYTES_MAX + 24
/** The prefix, kind, sequence and time. A sequence that is a text is counted with the message. */
export const HEAD_JSON_BYTES_MAX =
  PREFIX_BYTES_MAX + STRING_BYTES_PER_BYTE * KIND_NAME_BYTES_MAX + 2 * VALUE_BYTES_MAX + 32

export interface SchemaLimits {
  readonly tickBytesMax: number
  readonly jsonBytesMax: number
  readonly binaryBytesMax: number
  readonly tapeWordsMax: number
}

export function schemaLimits({ message }: TickPlan, tickBytesMax: number): SchemaLimits {
  const symbolBytes = fieldHeadBytes(SYMBOL_BYTES_MAX) + SYMBOL_BYTES_MAX
  const kindBytes = fieldHeadBytes(KIND_NAME_BYTES_MAX) + KIND_NAME_BYTES_MAX
  const fieldsBytes = symbolBytes + kindBytes + fieldHeadBytes(tickBytesMax) + tickBytesMax
  return {
    tickBytesMax,
    jsonBytesMax: HEAD_JSON_BYTES_MAX + message.emptyJsonBytes + JSON_BYTES_PER_BYTE * tickBytesMax,
    binaryBytesMax: fieldHeadBytes(fieldsBytes) + fieldsBytes,
    tapeWordsMax: Math.max(TAPE_WORDS_MIN, TAPE_WORDS_PER_BYTE * tickBytesMax),
  }
}
