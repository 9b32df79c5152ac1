/**
 * A descriptor: what one run of frames in the frame ring is, whom it is for, and how far it brings them. Layout and kinds; any thread.
 *
 *   0      4        8         12      16       20         24     28        32      36     40
 *   +------+--------+---------+-------+--------+----------+------+---------+-------+------+
 *   | kind | target | segment | start | length | messages | join | unknown | ticks | part |      int32 each
 *   +------+--------+---------+-------+--------+----------+------+---------+-------+------+
 *   | ticks total     | last offset     | received        | lost total      |                     float64 each
 *   +-----------------+-----------------+-----------------+-----------------+
 *   40                48                56                64                72
 */

export const DESCRIPTOR_BYTES = 72
export const DESCRIPTOR_INT32S = DESCRIPTOR_BYTES / 4
export const DESCRIPTOR_FLOAT64S = DESCRIPTOR_BYTES / 8

// Kinds of descriptor.

/** Frames for every member of an audience. Target: audience. Part: 0, or 1 + the index of the conflation group. */
export const AUDIENCE_FRAMES = 1
/** Frames for one client. Target: client. Join: the request that they reply to. */
export const CLIENT_FRAMES = 2
/**
 * The reply is complete: from here on the client gets the frames of its audience. Target: client. Join: the request.
 * Part 1: the next flush of the audience holds older ticks, so the client gets frames after that flush, and has to ask again then.
 */
export const JOINED = 3
/** The turn is complete. */
export const TURN_END = 4
/** From here on the lane counts the ticks of a conflation group. Target: audience. Part: 1 + the index of the group. */
export const PART_BEGUN = 5
/**
 * Ticks of the past for one client that resumes. Target: client. Join: the request. Part 1: these are the last ones, and a snapshot
 * follows in other descriptors. `ticksTotal`, `lostTotal`, `receivedUs` and `unknownLosses` hold the words of a
 * ContinuityState, in this order.
 */
export const REPLAYED = 6
/**
 * As CLIENT_FRAMES: all of the reply but the rest of a snapshot, which follows in other descriptors. If the lane dies before JOINED,
 * the client has joined all the same, without the rest of the snapshot. Part: as of JOINED.
 */
export const ANSWER_BEGUN = 7
/**
 * Part 1: what follows is a prompt turn, between two paced turns. Part 0: the prompt turn is complete. Its replies overtake records
 * of other audiences, so they are complete, and for clients of audiences without conflation groups.
 */
export const PROMPT_TURN = 8

/** The fields of one descriptor. One object is filled again and again: it is valid until the next descriptor is read. */
export class Descriptor {
  kind = 0
  target = 0
  segment = 0
  /** Where the first byte of the frames stands in the lane's memory. */
  start = 0
  length = 0
  /** Messages with ticks in these frames. */
  messages = 0
  join = 0
  /** Losses of unknown size that the audience was told up to here. */
  unknownLosses = 0
  /** Ticks in these frames. */
  ticks = 0
  part = 0
  /** Ticks that the audience or group was sent up to here, including merged ones. */
  ticksTotal = 0
  /** All ticks of the audience or group up to this offset are in these frames or in earlier ones. */
  lastOffset = 0
  /** When the oldest tick in these frames came in, µs; 0: no tick. */
  receivedUs = 0
  /** Lost ticks that the audience was told up to here. */
  lostTotal = 0
}
