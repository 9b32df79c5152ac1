/**
 * Writes frames to clients, and counts the writes. Main thread. The one place that writes to a connection's file
 * descriptor. A write goes past Node's stream, which costs as much again:
 * docs/decisions/0005-writes-bypass-the-stream.md.
 */
import { writeSync } from 'node:fs'
import { NO_DESCRIPTOR } from '../common/socket-handle.js'
import type { CounterWriter } from '../memory/counters.js'
import type { SizeHistogram } from '../metrics/histogram.js'
import { MAIN_SLOTS } from '../metrics/metric-table.js'
import type { Recipient } from './recipient.js'

/** The kernel has all of a write. */
export const TAKEN = 0
/** The socket holds what the kernel has not taken: those bytes must stay as they are. */
export const HELD = 1
/** The connection is ending: nothing was written. */
export const CLOSED = 2

/** Memory that holds frames: that of a lane, or the frames of one client alone. */
export interface FrameBytes {
  readonly bytes: Uint8Array
  /** A view: no bytes are copied. */
  slice(start: number, length: number): Buffer
}

/** Gives a socket frames. They stay as they are while the socket holds them. */
export function writeFrames(
  recipient: Recipient,
  stream: FrameBytes,
  start: number,
  length: number,
): typeof TAKEN | typeof HELD | typeof CLOSED {
  const { descriptor, socket } = recipient
  // The system may have given the descriptor of an ended connection to another client's.
  if (!socket.writable) return CLOSED
  let taken = 0
  // Bytes that the socket holds, such as half of a message, go first.
  if (descriptor !== NO_DESCRIPTOR && socket.writableLength === 0) {
    taken = tryWriteDirect(descriptor, stream.bytes, start, length)
    recipient.directBytes += taken
    if (taken === length) return TAKEN
  }
  socket.write(stream.slice(start + taken, length - taken))
  return socket.writableLength === 0 ? TAKEN : HELD
}

/**
 * Writes `length` bytes from `start` on with one system call. Never waits, since Node's sockets do not block.
 *
 * @returns how many bytes the kernel has taken; 0 also after an error
 */
export function tryWriteDirect(descriptor: number, bytes: Uint8Array, start: number, length: number): number {
  try {
    return writeSync(descriptor, bytes, start, length)
  } catch {
    // The kernel is full, or the connection has broken: the socket meets the same and knows what to do.
    return 0
  }
}

/** Where writes are counted. */
export interface WriteCounts {
  readonly counters: CounterWriter
  readonly writeSizes: SizeHistogram
}

/** Counts writes of the same length. `ticks`, `messages` and `bytes` are those of all the writes together. */
export function countWrites(
  { counters: { values }, writeSizes }: WriteCounts,
  writes: number,
  ticks: number,
  messages: number,
  bytes: number,
): void {
  writeSizes.observe(bytes / writes, writes)
  values[MAIN_SLOTS.writes]! += writes
  values[MAIN_SLOTS.ticksBroadcast]! += ticks
  values[MAIN_SLOTS.messages]! += messages
  values[MAIN_SLOTS.bytesSent]! += bytes
}
