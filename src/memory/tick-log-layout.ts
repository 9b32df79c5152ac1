/**
 * The bytes of the tick log. Layout only; any thread.
 *
 *   0                64              64 + 4·B                                64 + 4·B + capacity
 *   +----------------+---------------+---------------------------------------+
 *   | HEAD, unused   | B blocks      | records, each on a multiple of 8 bytes |
 *   +----------------+---------------+---------------------------------------+
 *
 *   The records' bytes are divided into B blocks of the same size. For each there is a position (int32) from which on it can be
 *   read: that of the first record that begins in it, or of the one that reaches into it or over it.
 *
 *   One record (its header is 24 bytes, all of it is filled up to a multiple of 8):
 *
 *   0        4             8               16              24      24 + phase
 *   +--------+-------------+---------------+---------------+-------+----------------+
 *   | length | type, count | first offset  | received      |       | payload        |
 *   +--------+-------------+---------------+---------------+-------+----------------+
 *     int32    int32         float64         float64, µs             length bytes
 *
 * Positions count units of 8 bytes (see positions.ts). A record never wraps: where it would, a PADDING record fills
 * the ring to its end. Type stands in the low 5 bits, phase in the 3 above them; count in the 23 above those: ticks, or for a
 * COMMAND the index of the lane it is for.
 *
 * The phase, 0 to 7, is where the payload's source begins between two multiples of 8: V8 copies into shared memory 8 bytes at
 * a time only if source and target lie alike (measured: 27 GB/s), and byte by byte otherwise (3.6 GB/s).
 */

export const TICK_LOG_HEADER_BYTES = 64
export const RECORD_HEADER_BYTES = 24
export const UNIT_BYTES = 8

/** Word of the log's header: the position after the last whole record. Stored by the writer, loaded by every reader. */
export const HEAD_WORD = 0

/** Fields of a record, as indexes from its first int32 or float64. */
export const LENGTH_INT32 = 0
export const TYPE_INT32 = 1
export const FIRST_OFFSET_FLOAT64 = 1
export const RECEIVED_FLOAT64 = 2

export const PADDING = 0
/** Payload: one `Tick`. */
export const TICK = 1
/** Payload: one `TickBatch`. */
export const TICK_BATCH = 2
/** Payload: one lane command, JSON. */
export const COMMAND = 3

export type RecordType = typeof PADDING | typeof TICK | typeof TICK_BATCH | typeof COMMAND

/** Blocks of a log: as many as there may be, each of at least so many bytes. */
const BLOCKS_MAX = 1024
const BLOCK_BYTES_MIN = 256

/** How many blocks a log of `capacityBytes`, a power of two, is divided into: a power of two. */
export function blockCount(capacityBytes: number): number {
  return Math.min(BLOCKS_MAX, capacityBytes / BLOCK_BYTES_MIN)
}

export const TYPE_MASK = 0x1f
export const PHASE_SHIFT = 5
export const PHASE_MASK = 7
export const COUNT_SHIFT = 8
export const COUNT_MAX = 0x7fffff

/** Units that a record takes. @param payloadBytes of the payload and its phase */
export function recordUnits(payloadBytes: number): number {
  return (RECORD_HEADER_BYTES + payloadBytes + UNIT_BYTES - 1) >>> 3
}
