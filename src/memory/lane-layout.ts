/**
 * The bytes that one lane shares with the main thread: control words, the frame ring and the lane's scratch. Layout only.
 *
 *   0          256           512              512 + 40·C      + 72·D        + 4·S          + S·segmentBytes
 *   +----------+-------------+----------------+---------------+-------------+--------------+-------------+
 *   | control  | lane state  | C checkpoints  | D descriptors | free queue  | S segments   | scratch     |
 *   +----------+-------------+----------------+---------------+-------------+--------------+-------------+
 *
 * Control words stand on cache lines by their writer: 0–15 the lane, 16–31 the main thread, 32–47 both.
 *
 * The frame ring is a ring of segments, not of bytes: a segment whose bytes a socket still holds can stay out of the round
 * while the others go on. The lane takes segments from the free queue, fills them with whole frames and tells of
 * each run of frames in a descriptor; the main thread gives a segment back when nobody needs its bytes.
 *
 * One descriptor, 72 bytes:
 *
 *   0      4        8         12      16       20         24     28        32      36     40
 *   +------+--------+---------+-------+--------+----------+------+---------+-------+------+
 *   | kind | target | segment | start | length | messages | join | unknown | ticks | part |      int32 each
 *   +------+--------+---------+-------+--------+----------+------+---------+-------+------+
 *   | ticks total     | last offset     | received        | lost total      |                     float64 each
 *   +-----------------+-----------------+-----------------+-----------------+
 *   40                48                56                64                72
 */
import { invariant } from '../common/errors.js'
import { isPowerOfTwo } from './ring-position.js'

// Written by the lane.
export const DESCRIPTOR_HEAD = 0
export const TURNS_PUBLISHED = 1
export const FREE_TAIL = 2
export const COMMITTED_CURSOR = 3
/** Low 32 bits of the offset of the last tick that the lane has finished with. */
export const COMMITTED_OFFSET = 4
export const STATE_SLOT = 5
/** Grows with every record read and every audience written for: a lane with work whose progress stands still hangs. */
export const PROGRESS = 6
/** Low 32 bits of the offset of the tick in hand, 0 between ticks: names the culprit when a lane dies. */
export const CURRENT_TICK = 7
/** Id of the client that is being answered, 0 between answers: likewise. */
export const CURRENT_CLIENT = 8
// Written by the main thread.
export const DESCRIPTOR_TAIL = 16
export const TURNS_CONSUMED = 17
export const FREE_HEAD = 18
export const STOP = 19
/** 1 while the source is paused: the lane then rings when it has caught up. */
export const SOURCE_PAUSED = 20
// Written by both.
export const DOORBELL = 32
export const LANE_ASLEEP = 33
export const MAIN_ASLEEP = 34

export const CONTROL_BYTES = 256
export const LANE_STATE_BYTES = 256
export const DESCRIPTOR_BYTES = 72
/** See checkpoints.ts: as many as reach back four million ticks. */
export const CHECKPOINT_COUNT = 4096
export const CHECKPOINT_BYTES = 40

/** Frames for every member of an audience. Target: audience; part: of which symbols, see Descriptor. */
export const AUDIENCE_FRAMES = 1
/** Frames for one client. Target: client; join: the join it answers. */
export const CLIENT_FRAMES = 2
/**
 * From here on the client gets its audience's frames. Target: client; join: the join it answers; part 1: not yet, since what is sent
 * next holds what the others wait for since before. With that the client is to ask anew.
 */
export const JOINED = 3
/**
 * Ticks of the past for one client that resumes. Target: client; join: the join it answers; part 1: the last of them, a snapshot follows
 * that goes on in other descriptors; see Descriptor for the rest.
 */
export const REPLAYED = 6
/**
 * As CLIENT_FRAMES, with all of the answer but for the rest of a snapshot that goes on in other descriptors: should the lane die before
 * JOINED, the client is in all the same, and the snapshot is missing. Part: as in JOINED.
 */
export const ANSWER_BEGUN = 7
/**
 * Part 1: what follows is between two turns, and part of neither; 0: up to here. Its answers overtake records of any audience that are
 * on their way to others, so they are for clients of audiences without conflated parts, and whole.
 */
export const ASIDE = 8
/** The turn is whole. */
export const TURN_END = 4
/** From here on the ticks of a part of an audience are counted. Target: audience; part: which. */
export const PART_BEGUN = 5

/** Sizes of a lane's shared memory, in bytes and counts; every thread derives the same offsets from them. */
export interface LaneLayout {
  readonly descriptorCount: number
  readonly segmentCount: number
  readonly segmentBytes: number
  readonly scratchBytes: number
  readonly checkpointsStart: number
  readonly descriptorsStart: number
  readonly freeQueueStart: number
  readonly framesStart: number
  readonly scratchStart: number
  readonly totalBytes: number
}

/** A frame ring has this many segments unless records are too large for that. */
const SEGMENT_COUNT = 64
/** Fewest segments with which a turn can be written while another is transmitted and a third is held by sockets. */
export const SEGMENT_COUNT_MIN = 8
/** The ring of descriptors is small: a lane that fills it waits for the main thread, in the midst of a turn if need be. */
const DESCRIPTOR_COUNT = 16_384

/**
 * @param frameRingBytes all segments together, a power of two
 * @param recordBytesMax the largest run of frames written at once; a segment holds at least two
 */
export function laneLayout(frameRingBytes: number, recordBytesMax: number, scratchBytes: number): LaneLayout {
  invariant(isPowerOfTwo(frameRingBytes), `frame ring of ${frameRingBytes} bytes`)
  let segmentCount = SEGMENT_COUNT
  while (segmentCount > SEGMENT_COUNT_MIN && frameRingBytes / segmentCount < 2 * recordBytesMax)
    segmentCount /= 2
  const segmentBytes = frameRingBytes / segmentCount
  invariant(
    segmentBytes >= 2 * recordBytesMax,
    `frame ring of ${frameRingBytes} bytes, records of ${recordBytesMax}`,
  )
  const checkpointsStart = CONTROL_BYTES + LANE_STATE_BYTES
  const descriptorsStart = checkpointsStart + CHECKPOINT_COUNT * CHECKPOINT_BYTES
  const freeQueueStart = descriptorsStart + DESCRIPTOR_COUNT * DESCRIPTOR_BYTES
  const framesStart = freeQueueStart + segmentCount * 4
  const scratchStart = framesStart + frameRingBytes
  return {
    descriptorCount: DESCRIPTOR_COUNT,
    segmentCount,
    segmentBytes,
    scratchBytes,
    checkpointsStart,
    descriptorsStart,
    freeQueueStart,
    framesStart,
    scratchStart,
    totalBytes: scratchStart + scratchBytes,
  }
}
