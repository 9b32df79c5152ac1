/**
 * Finds the file descriptor of a TCP connection. Main thread. Pure.
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The stream is no plain TCP connection, or Node does not reveal its descriptor. Lower than every descriptor. */
export const NO_DESCRIPTOR = -1

/**
 * The descriptor of a plain TCP connection; NO_DESCRIPTOR of any other stream, such as TLS. Write to it only while the
 * stream is writable: afterwards the system gives the number to another connection.
 */
export function descriptorOf(stream: Duplex): number {
  if (Object.getPrototypeOf(stream) !== Socket.prototype) return NO_DESCRIPTOR
  // Not documented, but in every version of Node: https://github.com/nodejs/node/blob/main/src/stream_base.cc
  const { _handle: handle } = stream as { readonly _handle?: { readonly fd?: unknown } | null }
  // On a system where handles are no descriptors, `fd` is -1.
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : NO_DESCRIPTOR
}
