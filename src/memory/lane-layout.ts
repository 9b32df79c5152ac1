/**
 * The bytes that one lane shares with the main thread. Layout only; any thread.
 *
 *   0          256           512             512 + 112·D   + 4·S          + S·segmentBytes
 *   +----------+-------------+---------------+-------------+--------------+-----------+----------------+
 *   | control  | committed   | D descriptors | free queue  | S segments   | scratch   | encoded latest |
 *   | words    | state       |               |             |              |           | ticks          |
 *   +----------+-------------+---------------+-------------+--------------+-----------+----------------+
 *
 * D: descriptorCount, S: segmentCount. The columns of `+` add to the start before them.
 *
 * The frame ring is a ring of segments, not of bytes. A segment whose bytes a socket still holds stays out of the round
 * while the others go on. The lane takes segments from the free queue and fills them with whole frames. A descriptor
 * names each run of frames. The main thread gives a segment back when nobody needs its bytes. Reason:
 * docs/decisions/0001-frame-ring-of-segments.md
 */
import { invariant } from '../common/errors.js'
import { CONTROL_BYTES } from './control-words.js'
import { DESCRIPTOR_BYTES } from './frame-descriptor.js'
import { isPowerOfTwo } from './ring-position.js'

/** Two slots, see committed-state.ts. */
export const COMMITTED_STATE_BYTES = 256

/** Sizes of a lane's shared memory, in bytes and counts. Every thread derives the same starts from them. */
export interface LaneLayout {
  readonly descriptorCount: number
  readonly segmentCount: number
  readonly segmentBytes: number
  readonly scratchBytes: number
  readonly descriptorsStart: number
  readonly freeQueueStart: number
  readonly framesStart: number
  readonly scratchStart: number
  /** For snapshots, see workers/conflate/encoded-latest.ts. */
  readonly encodedStart: number
  readonly encodedBytes: number
  readonly totalBytes: number
}

/** A frame ring has this many segments, unless records are too large for that. */
const SEGMENT_COUNT = 64
/** With fewer, a turn could not be written while a second is transmitted and sockets hold a third. */
export const SEGMENT_COUNT_MIN = 8
/** A lane that has filled the descriptors waits for the main thread, also within a turn. */
const DESCRIPTOR_COUNT = 16_384

/** Share of the bytes for latest ticks: as JSON, an ordinary tick takes half of its record in the store. */
const ENCODED_SHARE = 1 / 2
const ENCODED_BYTES_MAX = 64 * 1024 * 1024
/** Room for the chunk of a snapshot that is composed, for what is encoded meanwhile, and for as much that lasts. */
const ENCODED_RECORDS_MIN = 4

/**
 * @param latestBytes for the latest ticks themselves
 * @returns bytes for the encoded latest ticks
 */
export function encodedLatestBytes(recordBytesMax: number, latestBytes: number): number {
  const wanted = Math.min(ENCODED_BYTES_MAX, ENCODED_SHARE * latestBytes)
  return Math.ceil(Math.max(ENCODED_RECORDS_MIN * recordBytesMax, wanted))
}

/**
 * @param frameRingBytes of all segments together, a power of two
 * @param recordBytesMax the longest run of frames that is reserved at once; a segment holds at least two
 * @param encodedBytes for the encoded latest ticks; 0: the lane gives no snapshots
 */
export function laneLayout(
  frameRingBytes: number,
  recordBytesMax: number,
  scratchBytes: number,
  encodedBytes = 0,
): LaneLayout {
  invariant(isPowerOfTwo(frameRingBytes), `frame ring of ${frameRingBytes} bytes`)
  let segmentCount = SEGMENT_COUNT
  while (segmentCount > SEGMENT_COUNT_MIN && frameRingBytes / segmentCount < 2 * recordBytesMax)
    segmentCount /= 2
  const segmentBytes = frameRingBytes / segmentCount
  invariant(
    segmentBytes >= 2 * recordBytesMax,
    `frame ring of ${frameRingBytes} bytes, records of ${recordBytesMax}`,
  )
  const descriptorsStart = CONTROL_BYTES + COMMITTED_STATE_BYTES
  const freeQueueStart = descriptorsStart + DESCRIPTOR_COUNT * DESCRIPTOR_BYTES
  const framesStart = freeQueueStart + segmentCount * 4
  const scratchStart = framesStart + frameRingBytes
  const encodedStart = scratchStart + scratchBytes
  return {
    descriptorCount: DESCRIPTOR_COUNT,
    segmentCount,
    segmentBytes,
    scratchBytes,
    descriptorsStart,
    freeQueueStart,
    framesStart,
    scratchStart,
    encodedStart,
    encodedBytes,
    totalBytes: encodedStart + encodedBytes,
  }
}
