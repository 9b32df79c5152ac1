/**
 * Writes of frames to clients, and their count. Main thread. The one place that writes to a connection's file descriptor.
 */

import { NO_DESCRIPTOR } from '../common/socket-handle.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { LaneLink } from './lane-link.js'
import type { Recipient } from './recipient.js'
import { tryWriteDirect } from './socket-write.js'

/** The kernel has all of a write. */
export const TAKEN = 0
/** The socket holds what the kernel has not taken: those bytes must stay as they are. */
export const HELD = 1
/** The connection is ending: nothing was written. */
export const CLOSED = 2

/** Gives a socket bytes of the ring. */
export function writeFrames(
  recipient: Recipient,
  link: LaneLink,
  start: number,
  length: number,
): typeof TAKEN | typeof HELD | typeof CLOSED {
  const { descriptor, socket } = recipient
  // Of a socket that is not, the system may have given the descriptor's number to another client's.
  if (!socket.writable) return CLOSED
  let taken = 0
  // What the stream holds, such as half of an answer, goes first.
  if (descriptor !== NO_DESCRIPTOR && socket.writableLength === 0) {
    taken = tryWriteDirect(descriptor, link.bytes, start, length)
    recipient.directBytes += taken
    if (taken === length) return TAKEN
  }
  socket.write(link.slice(start + taken, length - taken))
  return socket.writableLength === 0 ? TAKEN : HELD
}

/** @param ticks, messages, bytes of all the writes together */
export function countWrites(
  { values }: CounterWriter,
  writes: number,
  ticks: number,
  messages: number,
  bytes: number,
): void {
  values[MAIN_SLOTS.writes]! += writes
  values[MAIN_SLOTS.ticksBroadcast]! += ticks
  values[MAIN_SLOTS.messages]! += messages
  values[MAIN_SLOTS.bytesSent]! += bytes
}
