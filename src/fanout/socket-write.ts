/**
 * Writes to a TCP connection past Node's stream: one system call and nothing around it. Main thread.
 * A stream's `write` also keeps books of what the kernel took at once, which costs about as much again as the half of the call that is
 * not the kernel's own. What the kernel does not take at once has to go through the stream.
 */
import { writeSync } from 'node:fs'

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
