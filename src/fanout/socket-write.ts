/**
 * Writes to a TCP connection past Node's stream: one system call and nothing around it. Main thread.
 * A stream's `write` also keeps books of what the kernel took at once, which costs about as much again as the half of the call that is
 * not the kernel's own. What the kernel does not take at once has to go through the stream.
 */
import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The stream's bytes do not go into a file descriptor as they are, or into none that Node tells. */
export const NO_DESCRIPTOR = -1

/**
 * The descriptor of a stream that is a TCP connection and nothing more; NO_DESCRIPTOR of any other, such as TLS. It may be written to
 * only while the stream is writable: afterwards the system gives the number to another connection.
 */
export function descriptorOf(stream: Duplex): number {
  if (Object.getPrototypeOf(stream) !== Socket.prototype) return NO_DESCRIPTOR
  // Not documented, but there in every version of Node: https://github.com/nodejs/node/blob/main/src/stream_base.cc
  const { _handle: handle } = stream as { readonly _handle?: { readonly fd?: unknown } | null }
  // Where handles are no descriptors it is -1.
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : NO_DESCRIPTOR
}

/**
 * Writes `length` bytes from `start` on. Never waits, since Node's sockets do not block.
 *
 * @returns how many of them the kernel has taken; 0 also when it tells of an error
 */
export function tryWriteDirect(descriptor: number, bytes: Uint8Array, start: number, length: number): number {
  try {
    return writeSync(descriptor, bytes, start, length)
  } catch {
    // Full, or the connection has broken: the stream meets the same and knows what to do.
    return 0
  }
}
