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

  /** The number of the field of a message of the form `batch` that holds the position of its first tick; 0: none does. */
  readonly firstPositionField: number

  /** Of ticks in any bytes; undefined: ticks of the schema have no positions. */
  createPositionReader(): PositionReader | undefined

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
}

/** Returned for bytes that are no tick. */
export const NO_TICK = -1
/** Returned for a message of no symbol, such as a heartbeat of the feed, that has no position. */
export const NO_SYMBOL = -2

/** Reads the feed's count of a tick and decodes no more than it must: the main thread numbers ticks by it. */
export interface PositionReader {
  /** @returns the position of the tick at `[start, end)`, below 2^53; 0: it has none; NO_TICK; NO_SYMBOL */
  positionOf(bytes: Uint8Array, start: number, end: number): number
}

/** Reads one tick after another. The fields hold until the next call of `decode`. */
export interface TickReader extends TickFields {
  /**
   * Decodes the tick at `[start, end)` of the reader's bytes. Never throws, and never reads outside of that range.
   *
   * @returns false when those bytes are no valid tick; the fields mean nothing then
   */
  decode(start: number, end: number): boolean

  /** Time of the decoded tick, µs since the Unix epoch; NaN or 0: it has none, or none that can be read. */
  timeUs(): number

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
