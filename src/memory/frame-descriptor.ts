/**
 * The frame ring: one lane writes WebSocket frames and descriptors of them, the main thread reads. See lane-layout.ts.
 * Bytes that a published descriptor names stay untouched until the main thread gives their segment back.
 */

/**
 * One descriptor, with the fields of lane-layout.ts. Reused: valid until the next one is read. That of a replay has the words of a
 * ContinuityState, in their order, in `ticksTotal`, `lostTotal`, `receivedUs` and `unknownLosses`.
 */
export class Descriptor {
  kind = 0
  target = 0
  segment = 0
  /** Index of the first byte in the lane's memory. */
  start = 0
  length = 0
  /** Messages in these frames that carry ticks. */
  messages = 0
  join = 0
  /** How often, up to here, the audience was told of a loss whose size nobody knows. */
  unknownLosses = 0
  /** Ticks in these frames. */
  ticks = 0
  /** 0: ticks that are sent one by one; from 1 on: the latest ticks of so manieth interval of the audience. */
  part = 0
  /** Ticks that the part of the audience has been sent up to the end of these frames, or others that stand for them. */
  ticksTotal = 0
  /** All of the part's ticks up to this offset are in these frames or earlier ones. */
  lastOffset = 0
  /** When the oldest tick in these frames came in, µs; 0 for none. */
  receivedUs = 0
  /** Ticks that, up to here, the audience was told are lost. */
  lostTotal = 0
}
