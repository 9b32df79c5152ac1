/**
 * The bytes of the tick log: a ring of records. Layout only; any thread.
 * Positions count units of 8 bytes, see ring-position.ts. A record never wraps: a PADDING record fills the ring to its
 * end.
 *
 *   0                64              64 + 4·B                                64 + 4·B + capacity
 *   +----------------+---------------+---------------------------------------+
 *   | HEAD, unused   | B blocks      | records, each of whole units          |
 *   +----------------+---------------+---------------------------------------+
 *
 * The records' bytes are divided into B blocks of one size. Each block names a position (int32) at which a reader can
 * begin: of the first record that ends in the block or after it.
 *
 *   One record
 *
 *   0        4                    8              16             24         32      32 + phase
 *   +--------+--------------------+--------------+--------------+----------+-------+----------------+-------+
 *   | length | type, phase, count | first serial | first offset | received | phase | payload        | to 8  |
 *   +--------+--------------------+--------------+--------------+----------+-------+----------------+-------+
 *     int32    int32                float64        float64        float64, µs        length bytes
 *
 *   type    bits 0–4
 *   phase   bits 5–7     the payload's source begins this many bytes after a multiple of 8, and so does the payload
 *   count   bits 8–30    ticks in the payload; 0 of a STREAM_EVENT
 *
 * The ticks of a record have serials and offsets without holes. The first serial is the event's own one if it has one, and
 * else that of what follows. The first offset of an event is 0.
 *
 * Reason for the phase: docs/decisions/0030-payloads-keep-their-phase.md
 */

export const TICK_LOG_HEADER_BYTES = 64
export const RECORD_HEADER_BYTES = 32
export const UNIT_BYTES = 8

/**
 * Index of the header's word HEAD: the position after the last whole record. The writer stores it, every reader loads
 * it.
 */
export const HEAD_WORD = 0

// Fields of a record, as indexes from its first int32 or float64.
export const LENGTH_INT32 = 0
export const TYPE_INT32 = 1
export const FIRST_SERIAL_FLOAT64 = 1
export const FIRST_OFFSET_FLOAT64 = 2
export const RECEIVED_FLOAT64 = 3

export const PADDING = 0
/** Payload: one `Tick`. */
export const TICK = 1
/** Payload: one `TickBatch`. */
export const TICK_BATCH = 2
/** Payload: one stream event, JSON. */
export const STREAM_EVENT = 3

export type RecordType = typeof PADDING | typeof TICK | typeof TICK_BATCH | typeof STREAM_EVENT

const BLOCKS_MAX = 1024
const BLOCK_BYTES_MIN = 256

/** Count of blocks in a log of `capacityBytes`; both are powers of two. */
export function blockCount(capacityBytes: number): number {
  return Math.min(BLOCKS_MAX, capacityBytes / BLOCK_BYTES_MIN)
}

export const TYPE_MASK = 0x1f
export const PHASE_SHIFT = 5
export const PHASE_MASK = 7
export const COUNT_SHIFT = 8
export const COUNT_MAX = 0x7fffff

/** Units that a record takes. @param payloadBytes of the payload and the phase before it */
export function recordUnits(payloadBytes: number): number {
  return (RECORD_HEADER_BYTES + payloadBytes + UNIT_BYTES - 1) >>> 3
}
