/**
 * How ticks of one schema are read and written: nothing outside of a codec knows a field of a tick by its name. Any thread.
 * A codec is chosen once, when a lane or a handler is constructed. Each lane has one of its own.
 */

/** The longest encoded tick, position included, unless a setting says otherwise. */
export const TICK_BYTES_DEFAULT = 1024

/** The index of a kind that a lane cannot number any more: its ticks are not conflated. */
export const UNNUMBERED_KIND = -1

/** The kind of a tick that is not conflated because its kind is not known: a newer feed has added it. */
export const UNKNOWN_KIND = 255

export interface TickCodec {
  /** How many kinds are numbered from the start: 0, 1, 2 … A lane may number further ones as it meets them. */
  readonly kindCount: number
  /** The longest encoded tick, position included. */
  readonly tickBytesMax: number
  /** The longest JSON text of one tick. */
  readonly jsonBytesMax: number
  /** The longest field of `TicksMessage` that holds one tick. */
  readonly binaryBytesMax: number
  /** Whether `writeBinary` needs the tick decoded. Otherwise it copies bytes. */
  readonly binaryNeedsDecode: boolean
  /** The numbers of the fields that lead from a message of the form `batch` to its ticks. */
  readonly batchPath: readonly number[]

  /** @param bytes the memory that holds the ticks */
  createReader(bytes: Uint8Array): TickReader

  /** How the JSON of every tick of the symbol begins. A reader chooses among these texts. */
  jsonPrefixes(symbol: string): readonly Uint8Array[]

  /**
   * Checks and encodes a tick that a library's user pushes as an object.
   *
   * @returns the encoded tick in bytes of its own
   * @throws RingcastError `tick_invalid`, naming the field, its value and the rule
   */
  encodePushed(tick: unknown): Uint8Array
}

/** The fields that every schema has, of the tick that was decoded last. */
export interface TickFields {
  /** Where the symbol begins in the reader's bytes. */
  readonly symbolStart: number
  /** 0: the message is of no symbol, so it is no tick, and the other fields but `position` mean nothing. */
  readonly symbolLength: number
  /**
   * The kind's index in this lane; UNNUMBERED_KIND: it has none.
   * It must not be kept in shared memory.
   */
  readonly kind: number
  /** False for a kind that a newer feed has added: nobody here knows what the tick means. */
  readonly isKindKnown: boolean
  /** The feed's count, below 2^53; 0 for none. */
  readonly position: number
  /** Tells two ticks of the same position apart, an int32. A repeated tick has the same mark, in every lane. */
  readonly mark: number
}

/** Reads one tick after another. The fields hold until the next call of `decode`. */
export interface TickReader extends TickFields {
  /**
   * Decodes the tick at `[start, end)` of the reader's bytes. Never throws, and never reads outside of that range.
   *
   * @returns false when those bytes are no valid tick; the fields mean nothing then
   */
  decode(start: number, end: number): boolean

  /**
   * Writes the decoded tick as JSON at `target[at]`.
   *
   * @param prefixes of the tick's symbol, see `TickCodec.jsonPrefixes`
   * @returns the index after the JSON
   */
  writeJson(target: Uint8Array, at: number, prefixes: readonly Uint8Array[]): number

  /**
   * Writes the tick at `[start, end)` of the reader's bytes as a field of `TicksMessage` at `target[at]`.
   * See `TickCodec.binaryNeedsDecode`.
   *
   * @returns the index after the field
   */
  writeBinary(target: Uint8Array, at: number, start: number, end: number): number
}
