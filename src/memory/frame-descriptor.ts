/**
 * A descriptor names one run of frames in the frame ring, its receiver, and the place in the stream after it. Any thread.
 *
 *   0      4        8         12      16       20         24     28        32      36     40
 *   +------+--------+---------+-------+--------+----------+------+---------+-------+------+
 *   | kind | target | segment | start | length | messages | join | unknown | ticks | part |      int32 each
 *   +------+--------+---------+-------+--------+----------+------+---------+-------+------+
 *   | ticks total     | last offset     | received        | lost total      |                     float64 each
 *   +-----------------+-----------------+-----------------+-----------------+
 *   40                48                56                64                72
 *
 * A REPLAYED descriptor holds a continuity state in the words of other fields, see `setContinuity`:
 *
 *   unknown: flags    ticks total: last position    received: last mark    lost total: lost since position
 */
import { type ContinuityState, continuityFlags, continuityOf } from './continuity-state.js'

export const DESCRIPTOR_BYTES = 72
export const DESCRIPTOR_INT32S = DESCRIPTOR_BYTES / 4
export const DESCRIPTOR_FLOAT64S = DESCRIPTOR_BYTES / 8

// Fields, as indexes from the descriptor's first int32 or float64.
const KIND_INT32 = 0
const TARGET_INT32 = 1
const SEGMENT_INT32 = 2
const START_INT32 = 3
const LENGTH_INT32 = 4
const MESSAGES_INT32 = 5
const JOIN_INT32 = 6
const UNKNOWN_LOSSES_INT32 = 7
const TICKS_INT32 = 8
const PART_INT32 = 9
const TICKS_TOTAL_FLOAT64 = 5
const LAST_OFFSET_FLOAT64 = 6
const RECEIVED_FLOAT64 = 7
const LOST_TOTAL_FLOAT64 = 8

// Kinds of descriptor.

/** Frames for every member of an audience. Target: audience. Part: 0, or 1 + the index of the conflation group. */
export const AUDIENCE_FRAMES = 1
/** Frames for one client. Target: client. Join: the request that they reply to. */
export const CLIENT_FRAMES = 2
/**
 * The reply is complete: from here on the client gets the frames of its audience. Target: client. Join: the request.
 * Part 1: the next flush of the audience holds older ticks. The client gets frames after that flush, and must ask again then.
 */
export const JOINED = 3
/** The turn is complete. */
export const TURN_END = 4
/** From here on the lane counts the ticks of a conflation group. Target: audience. Part: 1 + the index of the group. */
export const GROUP_BEGUN = 5
/**
 * Ticks of the past for one client that resumes. Target: client. Join: the request.
 * Part 1: these are the last such ticks, and a snapshot follows in other descriptors. Holds a continuity state.
 */
export const REPLAYED = 6
/**
 * As CLIENT_FRAMES, with the whole reply except the rest of a snapshot, which follows in other descriptors. Part: as of JOINED.
 * If the lane dies before JOINED, the client has joined nevertheless, without the rest of the snapshot.
 */
export const REPLY_BEGUN = 7
/**
 * Part 1: a prompt turn begins, between two paced turns. Part 0: the prompt turn is complete. Its replies overtake records of
 * other audiences, so each reply is complete, and its client's audience has no conflation groups.
 */
export const PROMPT_TURN = 8

/** One descriptor. Writer and reader each fill one object again and again: it is valid until the next descriptor. */
export class FrameDescriptor {
  kind = 0
  target = 0
  segment = 0
  /** Offset in bytes of the first frame in the lane's memory. */
  start = 0
  /** Bytes of the frames. */
  length = 0
  /** Messages with ticks in these frames. */
  messages = 0
  join = 0
  /** Losses of unknown size that the audience was told of up to here. */
  unknownLosses = 0
  /** Ticks in these frames. */
  ticks = 0
  part = 0
  /** Ticks that the audience or group was sent up to here, including merged ticks. */
  ticksTotal = 0
  /** All ticks of the audience or group up to this offset are in these frames or in earlier frames. */
  lastOffset = 0
  /** When the oldest tick in these frames came in, µs; 0: no tick. */
  receivedUs = 0
  /** Lost ticks that the audience was told of up to here. */
  lostTotal = 0

  /** Fills the fields with the descriptor at `index` of the ring. */
  read(int32: Int32Array, float64: Float64Array, index: number): void {
    const words = index * DESCRIPTOR_INT32S
    this.kind = int32[words + KIND_INT32]!
    this.target = int32[words + TARGET_INT32]!
    this.segment = int32[words + SEGMENT_INT32]!
    this.start = int32[words + START_INT32]!
    this.length = int32[words + LENGTH_INT32]!
    this.messages = int32[words + MESSAGES_INT32]!
    this.join = int32[words + JOIN_INT32]!
    this.unknownLosses = int32[words + UNKNOWN_LOSSES_INT32]!
    this.ticks = int32[words + TICKS_INT32]!
    this.part = int32[words + PART_INT32]!
    const floats = index * DESCRIPTOR_FLOAT64S
    this.ticksTotal = float64[floats + TICKS_TOTAL_FLOAT64]!
    this.lastOffset = float64[floats + LAST_OFFSET_FLOAT64]!
    this.receivedUs = float64[floats + RECEIVED_FLOAT64]!
    this.lostTotal = float64[floats + LOST_TOTAL_FLOAT64]!
  }

  /** Writes the fields to the descriptor at `index` of the ring. */
  write(int32: Int32Array, float64: Float64Array, index: number): void {
    const words = index * DESCRIPTOR_INT32S
    int32[words + KIND_INT32] = this.kind
    int32[words + TARGET_INT32] = this.target
    int32[words + SEGMENT_INT32] = this.segment
    int32[words + START_INT32] = this.start
    int32[words + LENGTH_INT32] = this.length
    int32[words + MESSAGES_INT32] = this.messages
    int32[words + JOIN_INT32] = this.join
    int32[words + UNKNOWN_LOSSES_INT32] = this.unknownLosses
    int32[words + TICKS_INT32] = this.ticks
    int32[words + PART_INT32] = this.part
    const floats = index * DESCRIPTOR_FLOAT64S
    float64[floats + TICKS_TOTAL_FLOAT64] = this.ticksTotal
    float64[floats + LAST_OFFSET_FLOAT64] = this.lastOffset
    float64[floats + RECEIVED_FLOAT64] = this.receivedUs
    float64[floats + LOST_TOTAL_FLOAT64] = this.lostTotal
  }

  /** The continuity state after the ticks of a REPLAYED descriptor. */
  get continuity(): ContinuityState {
    return continuityOf(this.ticksTotal, this.lostTotal, this.receivedUs, this.unknownLosses)
  }

  /** Only for a REPLAYED descriptor: the state takes the place of the totals, `receivedUs` and `unknownLosses`. */
  setContinuity(state: ContinuityState): void {
    this.ticksTotal = state.lastPosition
    this.lostTotal = state.lostSincePosition
    this.receivedUs = state.lastMark
    this.unknownLosses = continuityFlags(state)
  }
}
