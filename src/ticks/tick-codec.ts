/**
 * How ticks of one schema are read and written: nothing outside of a codec knows a field of a tick by its name. Any thread.
 * A codec is chosen once, when a lane or a handler is constructed. The kinds of a schema are numbered 0, 1, 2, …
 */

/** The longest encoded tick, position included. */
export const TICK_BYTES_MAX = 1024

/** The kind of a tick whose kind is not in the schema: a newer feed has added it. */
export const UNKNOWN_KIND = 255

export interface TickCodec {
  /** The name of each kind in JSON, by the kind's index. */
  readonly kindNames: readonly string[]
  /** The longest JSON text of one tick. */
  readonly jsonBytesMax: number

  /** @param bytes the memory that holds the ticks */
  createReader(bytes: Uint8Array): TickReader

  /** How the JSON of every tick of the symbol begins, by the index of the tick's kind. */
  jsonPrefixes(symbol: string): readonly Uint8Array[]

  /**
   * Checks and encodes a tick that a library's user pushes as an object.
   *
   * @returns the encoded tick in bytes of its own
   * @throws RingcastError `tick_invalid`, naming the field, its value and the rule
   */
  encodePushed(tick: unknown): Uint8Array
}

/**
 * The fields that every schema has, of the tick that was decoded last.
 * A 64-bit number is two int32 halves, so that nothing is allocated and nothing is rounded.
 */
export interface TickFields {
  /** Where the symbol begins in the reader's bytes. */
  readonly symbolStart: number
  readonly symbolLength: number
  /** Index of the kind, or UNKNOWN_KIND. */
  readonly kind: number
  readonly sequenceLow: number
  readonly sequenceHigh: number
  /** Nanoseconds since the Unix epoch. */
  readonly timeLow: number
  readonly timeHigh: number
  /** The feed's count, below 2^53; 0 for none. */
  readonly position: number
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
   * @param prefix of the tick's symbol and kind, see `TickCodec.jsonPrefixes`
   * @returns the index after the JSON
   */
  writeJson(target: Uint8Array, at: number, prefix: Uint8Array): number
}
