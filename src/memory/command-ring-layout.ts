/**
 * The bytes of a command ring: the commands of clients for one lane. Layout only; any thread.
 * Positions count units of 8 bytes, see ring-position.ts. A record never wraps: padding fills the ring to its end.
 *
 *   0               64              128                          128 + capacity
 *   +---------------+---------------+----------------------------+
 *   | HEAD, unused  | TAIL, unused  | records, of whole units    |
 *   +---------------+---------------+----------------------------+
 *     the main        the lane
 *     thread writes   writes
 *
 *   One record
 *
 *   0        4                8
 *   +--------+----------------+----------------+-------+
 *   | length | after position | payload        | to 8  |
 *   +--------+----------------+----------------+-------+
 *     int32    int32            length bytes
 *
 *   length           of the payload; PADDING: the record ends with the ring
 *   after position   the lane takes the command when it has read the tick log up to this position
 */

export const COMMAND_HEADER_BYTES = 8
export const COMMAND_UNIT_BYTES = 8
export const COMMAND_RING_HEADER_BYTES = 128

/** In place of the length of a payload. */
export const PADDING_LENGTH = -1

// Indexes of the header's words.

/** Position after the last whole record. */
export const COMMAND_HEAD = 0
/** Position after the last record that the lane has taken. */
export const COMMAND_TAIL = 16

/** Units that a record takes. */
export function commandUnits(payloadBytes: number): number {
  return (COMMAND_HEADER_BYTES + payloadBytes + COMMAND_UNIT_BYTES - 1) >>> 3
}
