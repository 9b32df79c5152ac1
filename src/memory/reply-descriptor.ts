/**
 * The descriptor of a reply, or of a part of one: frames for one client, and where the client is after them. Layout and
 * codec; any thread. A part and the client's place after it are one publication: docs/decisions/0045-one-transfer.md.
 *
 *   16       20         24      28        32        36        40
 *   +--------+----------+-------+---------+---------+---------+
 *   | client | messages | ticks | request | outcome | is last |                             int32 each
 *   +--------+----------+-------+---------+---------+---------+
 *   | serial | offset | epoch | status number | ticks total | lost total | unknown losses | looked at | matched |   LIVE, AWAIT_FLUSH
 *   +--------+--------+-------+---------------+-------------+------------+----------------+-----------+---------+
 *   | serial | offset | epoch | status number | seq         | start      | reached        | ticks     | unused  |   MORE  float64 each
 *   +--------+--------+-------+---------------+-------------+------------+----------------+-----------+---------+
 *   40       48       56      64              72            80           88               96          104       112
 */
import { FIRST_FLOAT64, FIRST_INT32, FrameDescriptor, REPLY } from './frame-descriptor.js'

const CLIENT_INT32 = FIRST_INT32
const MESSAGES_INT32 = FIRST_INT32 + 1
const TICKS_INT32 = FIRST_INT32 + 2
const REQUEST_INT32 = FIRST_INT32 + 3
const OUTCOME_INT32 = FIRST_INT32 + 4
const IS_LAST_INT32 = FIRST_INT32 + 5
const SERIAL_FLOAT64 = FIRST_FLOAT64
const OFFSET_FLOAT64 = FIRST_FLOAT64 + 1
const EPOCH_FLOAT64 = FIRST_FLOAT64 + 2
const STATUS_NUMBER_FLOAT64 = FIRST_FLOAT64 + 3
// Of a member
const TICKS_TOTAL_FLOAT64 = FIRST_FLOAT64 + 4
const LOST_TOTAL_FLOAT64 = FIRST_FLOAT64 + 5
const UNKNOWN_LOSSES_FLOAT64 = FIRST_FLOAT64 + 6
const LOOKED_AT_FLOAT64 = FIRST_FLOAT64 + 7
const MATCHED_FLOAT64 = FIRST_FLOAT64 + 8
// Of a replay
const SEQ_FLOAT64 = FIRST_FLOAT64 + 4
const START_FLOAT64 = FIRST_FLOAT64 + 5
const REACHED_FLOAT64 = FIRST_FLOAT64 + 6
const REPLAY_TICKS_FLOAT64 = FIRST_FLOAT64 + 7

// Outcomes: where the client is once it has these frames, should the lane die before the next part of the reply.

/** Where the part before said; before the first part where the request said. */
export const UNCHANGED = 0
/** So far with its replay: it asks again from here. */
export const MORE = 1
/** A member of the audience. */
export const LIVE = 2
/** A member after the audience's next flush, which holds older ticks: it asks again then. */
export const AWAIT_FLUSH = 3
/** Where it was, in a replay. What follows has left the tick log: the source is asked for it. */
export const GONE = 4

export type ReplyOutcome = typeof UNCHANGED | typeof MORE | typeof LIVE | typeof AWAIT_FLUSH | typeof GONE

export class ReplyDescriptor extends FrameDescriptor {
  readonly kind = REPLY
  /** Id of the client. */
  client = 0
  /** Messages with ticks in these frames, snapshots not counted. */
  messages = 0
  /** Ticks in these frames. */
  ticks = 0
  /** Id of the request that this replies to. */
  request = 0
  outcome: ReplyOutcome = UNCHANGED
  /** False: more parts of the reply follow. */
  isLast = true
  /** All ticks of the audience, or of the replay, up to this serial number are with the client. */
  serial = 0
  /** The offset there, and the number of its epoch. */
  offset = 0
  epoch = 0
  /** LIVE, AWAIT_FLUSH: totals of the audience there. */
  ticksTotal = 0
  lostTotal = 0
  unknownLosses = 0
  /** Number of the feed's status that the client was told last. */
  statusNumber = 0
  /** LIVE, AWAIT_FLUSH: symbols that the lane looked at to open the audience for the client, beyond those it named. */
  symbolsLookedAt = 0
  /** LIVE, AWAIT_FLUSH: symbols that the audience gets beyond those that it names. */
  symbolsMatched = 0
  /** MORE: number of the last `ticks` message. */
  seq = 0
  /** MORE: see ReplayPosition. */
  replayStart = 0
  reached = 0
  replayTicks = 0

  protected readOwn(int32: Int32Array, words: number, float64: Float64Array, floats: number): void {
    this.client = int32[words + CLIENT_INT32]!
    this.messages = int32[words + MESSAGES_INT32]!
    this.ticks = int32[words + TICKS_INT32]!
    this.request = int32[words + REQUEST_INT32]!
    this.outcome = int32[words + OUTCOME_INT32]! as ReplyOutcome
    this.isLast = int32[words + IS_LAST_INT32] === 1
    this.serial = float64[floats + SERIAL_FLOAT64]!
    this.offset = float64[floats + OFFSET_FLOAT64]!
    this.epoch = float64[floats + EPOCH_FLOAT64]!
    this.statusNumber = float64[floats + STATUS_NUMBER_FLOAT64]!
    if (this.outcome === MORE) {
      this.seq = float64[floats + SEQ_FLOAT64]!
      this.replayStart = float64[floats + START_FLOAT64]!
      this.reached = float64[floats + REACHED_FLOAT64]!
      this.replayTicks = float64[floats + REPLAY_TICKS_FLOAT64]!
    } else {
      this.ticksTotal = float64[floats + TICKS_TOTAL_FLOAT64]!
      this.lostTotal = float64[floats + LOST_TOTAL_FLOAT64]!
      this.unknownLosses = float64[floats + UNKNOWN_LOSSES_FLOAT64]!
      this.symbolsLookedAt = float64[floats + LOOKED_AT_FLOAT64]!
      this.symbolsMatched = float64[floats + MATCHED_FLOAT64]!
    }
  }

  protected writeOwn(int32: Int32Array, words: number, float64: Float64Array, floats: number): void {
    int32[words + CLIENT_INT32] = this.client
    int32[words + MESSAGES_INT32] = this.messages
    int32[words + TICKS_INT32] = this.ticks
    int32[words + REQUEST_INT32] = this.request
    int32[words + OUTCOME_INT32] = this.outcome
    int32[words + IS_LAST_INT32] = this.isLast ? 1 : 0
    float64[floats + SERIAL_FLOAT64] = this.serial
    float64[floats + OFFSET_FLOAT64] = this.offset
    float64[floats + EPOCH_FLOAT64] = this.epoch
    float64[floats + STATUS_NUMBER_FLOAT64] = this.statusNumber
    if (this.outcome === MORE) {
      float64[floats + SEQ_FLOAT64] = this.seq
      float64[floats + START_FLOAT64] = this.replayStart
      float64[floats + REACHED_FLOAT64] = this.reached
      float64[floats + REPLAY_TICKS_FLOAT64] = this.replayTicks
    } else {
      float64[floats + TICKS_TOTAL_FLOAT64] = this.ticksTotal
      float64[floats + LOST_TOTAL_FLOAT64] = this.lostTotal
      float64[floats + UNKNOWN_LOSSES_FLOAT64] = this.unknownLosses
      float64[floats + LOOKED_AT_FLOAT64] = this.symbolsLookedAt
      float64[floats + MATCHED_FLOAT64] = this.symbolsMatched
    }
  }
}
