/**
 * What Node knows of the connection under a stream and does not document. Main thread.
 * The properties are there in every version of Node: https://github.com/nodejs/node/blob/main/src/stream_base.cc
 */
import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** The stream's bytes do not go into a file descriptor as they are, or into none that Node tells. */
export const NO_DESCRIPTOR = -1
/** The system gives the connection no number, or Node does not tell its descriptor. */
export const NO_INODE = -1

interface Handle {
  /** Of the connection; negative where handles are no descriptors. */
  readonly fd?: unknown
  /** All that was handed to it. */
  readonly bytesWritten?: unknown
  /** What of that the kernel has not taken. */
  readonly writeQueueSize?: unknown
  /** Under TLS: the connection's. */
  readonly _parent?: Handle | null
}

/**
 * The descriptor of a stream that is a TCP connection and nothing more; NO_DESCRIPTOR of any other, such as TLS. It may be written to
 * only while the stream is writable: afterwards the system gives the number to another connection.
 */
export function descriptorOf(stream: Duplex): number {
  if (Object.getPrototypeOf(stream) !== Socket.prototype) return NO_DESCRIPTOR
  return fdOf(handleOf(stream))
}

/** The TCP connection under a TLS stream; any other stream itself. */
export function connectionUnder(stream: Duplex): Socket {
  return ((stream as { readonly _parent?: Socket | null })._parent ?? stream) as Socket
}

/** The number by which the system knows the connection under a stream. */
export function inodeOf(stream: Duplex): number {
  const fd = fdOf(connectionOf(stream))
  return fd === NO_DESCRIPTOR ? NO_INODE : fstatSync(fd).ino
}

/** Bytes that the connection under a stream was handed by it, encrypted if they are. */
export function bytesHandedTo(stream: Duplex): number {
  const bytesWritten = connectionOf(stream)?.bytesWritten
  return typeof bytesWritten === 'number' ? bytesWritten : 0
}

/** Bytes on their way to the kernel; of a stream whose connection Node does not tell, what the stream holds. */
export function bytesQueuedIn(stream: Duplex): number {
  const size = connectionOf(stream)?.writeQueueSize
  return typeof size === 'number' ? size : stream.writableLength
}

function fdOf(handle: Handle | undefined): number {
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : NO_DESCRIPTOR
}

function connectionOf(stream: Duplex): Handle | undefined {
  const handle = handleOf(stream)
  return handle?._parent ?? handle
}

function handleOf(stream: Duplex): Handle | undefined {
  return (stream as { readonly _handle?: Handle | null })._handle ?? undefined
}
