/**
 * The descriptor of frames for every member of an audience, and of how far the members are after them. Layout and
 * codec; any thread. Without frames it tells that the lane begins to count the ticks of a conflation group.
 *
 *   16         20         24      28      32               36       40
 *   +----------+----------+-------+-------+----------------+--------+
 *   | audience | messages | ticks | group | unknown losses | epoch  |                   int32 each
 *   +----------+----------+-------+-------+----------------+--------+
 *   | ticks total | last serial | last offset | lost total | received µs | status number | unused |  float64 each
 *   +-------------+-------------+-------------+------------+-------------+---------------+--------+
 *   40            48            56            64           72            80              88      112
 */
import { AUDIENCE_FRAMES, FIRST_FLOAT64, FIRST_INT32, FrameDescriptor } from './frame-descriptor.js'

const AUDIENCE_INT32 = FIRST_INT32
const MESSAGES_INT32 = FIRST_INT32 + 1
const TICKS_INT32 = FIRST_INT32 + 2
const GROUP_INT32 = FIRST_INT32 + 3
const UNKNOWN_LOSSES_INT32 = FIRST_INT32 + 4
const EPOCH_INT32 = FIRST_INT32 + 5
const TICKS_TOTAL_FLOAT64 = FIRST_FLOAT64
const LAST_SERIAL_FLOAT64 = FIRST_FLOAT64 + 1
const LAST_OFFSET_FLOAT64 = FIRST_FLOAT64 + 2
const LOST_TOTAL_FLOAT64 = FIRST_FLOAT64 + 3
const RECEIVED_US_FLOAT64 = FIRST_FLOAT64 + 4
const STATUS_NUMBER_FLOAT64 = FIRST_FLOAT64 + 5

/** As `group`: the frames hold every tick of their symbols. */
export const NO_GROUP = -1

export class AudienceDescriptor extends FrameDescriptor {
  readonly kind = AUDIENCE_FRAMES
  /** Id of the audience. */
  audience = 0
  /** Messages with ticks in these frames. */
  messages = 0
  /** Ticks in these frames. */
  ticks = 0
  /** Index of the conflation group whose latest ticks these are, or NO_GROUP. */
  group = NO_GROUP
  /** Losses of unknown size that the audience was told of up to here. */
  unknownLosses = 0
  /** Ticks that the audience or group was sent up to here, including merged ticks. */
  ticksTotal = 0
  /** Number of the epoch of `lastOffset`. */
  epoch = 0
  /** All ticks of the audience or group up to this serial number are in these frames or in earlier frames. */
  lastSerial = 0
  /** The offset there; 0 of a group. */
  lastOffset = 0
  /** Lost ticks that the audience was told of up to here. */
  lostTotal = 0
  /** When the oldest tick in these frames came in, µs; 0: no tick. */
  receivedUs = 0
  /** Number of the feed's status that the audience was told last. */
  statusNumber = 0

  protected readOwn(int32: Int32Array, words: number, float64: Float64Array, floats: number): void {
    this.audience = int32[words + AUDIENCE_INT32]!
    this.messages = int32[words + MESSAGES_INT32]!
    this.ticks = int32[words + TICKS_INT32]!
    this.group = int32[words + GROUP_INT32]!
    this.unknownLosses = int32[words + UNKNOWN_LOSSES_INT32]!
    this.ticksTotal = float64[floats + TICKS_TOTAL_FLOAT64]!
    this.epoch = int32[words + EPOCH_INT32]!
    this.lastSerial = float64[floats + LAST_SERIAL_FLOAT64]!
    this.lastOffset = float64[floats + LAST_OFFSET_FLOAT64]!
    this.lostTotal = float64[floats + LOST_TOTAL_FLOAT64]!
    this.receivedUs = float64[floats + RECEIVED_US_FLOAT64]!
    this.statusNumber = float64[floats + STATUS_NUMBER_FLOAT64]!
  }

  protected writeOwn(int32: Int32Array, words: number, float64: Float64Array, floats: number): void {
    int32[words + AUDIENCE_INT32] = this.audience
    int32[words + MESSAGES_INT32] = this.messages
    int32[words + TICKS_INT32] = this.ticks
    int32[words + GROUP_INT32] = this.group
    int32[words + UNKNOWN_LOSSES_INT32] = this.unknownLosses
    float64[floats + TICKS_TOTAL_FLOAT64] = this.ticksTotal
    int32[words + EPOCH_INT32] = this.epoch
    float64[floats + LAST_SERIAL_FLOAT64] = this.lastSerial
    float64[floats + LAST_OFFSET_FLOAT64] = this.lastOffset
    float64[floats + LOST_TOTAL_FLOAT64] = this.lostTotal
    float64[floats + RECEIVED_US_FLOAT64] = this.receivedUs
    float64[floats + STATUS_NUMBER_FLOAT64] = this.statusNumber
  }
}
