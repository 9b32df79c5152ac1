/**
 * Writes of frames to clients, and their count. Main thread.
 */
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { LaneLink } from './lane-link.js'
import type { Recipient } from './recipient.js'
import { NO_DESCRIPTOR, tryWriteDirect } from './socket-write.js'

/** Gives a writable socket bytes of the ring. @returns whether the kernel has them all; if not, the socket holds them */
export function writeFrames(
  { descriptor, socket }: Recipient,
  link: LaneLink,
  start: number,
  length: number,
): boolean {
  let taken = 0
  // What the stream holds, such as half of an answer, goes first.
  if (descriptor !== NO_DESCRIPTOR && socket.writableLength === 0) {
    taken = tryWriteDirect(descriptor, link.bytes, start, length)
    if (taken === length) return true
  }
  socket.write(link.slice(start + taken, length - taken))
  return socket.writableLength === 0
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
