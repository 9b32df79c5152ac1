/**
 * Puts frames and their descriptors into the frame ring, waiting for room where there is none. One lane's own.
 */
import type { FrameDescriptor } from '../../src/memory/frame-descriptor.js'
import type { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'

export class FramePublisher {
  readonly ring: FrameRingWriter
  /** Publishes what was described and sleeps until there is room. */
  private readonly waitForRoom: (hasRoom: () => boolean) => void

  constructor(ring: FrameRingWriter, waitForRoom: (hasRoom: () => boolean) => void) {
    this.ring = ring
    this.waitForRoom = waitForRoom
  }

  /** Finds `length` bytes in a row. @returns the index of the first in the lane's memory */
  reserve(length: number): number {
    const { ring } = this
    let start = ring.reserve(length)
    if (start !== undefined) return start
    this.waitForRoom(() => ring.hasRoomFor(length))
    start = ring.reserve(length)
    if (start === undefined) throw new Error(`no room for ${length} bytes after waiting for it`)
    return start
  }

  /** Describes the bytes last reserved. */
  describe(descriptor: FrameDescriptor): void {
    this.waitForDescriptors(1)
    this.ring.describe(descriptor)
  }

  /** Makes sure that so many descriptors can be published together. */
  waitForDescriptors(count: number): void {
    const { ring } = this
    if (!ring.hasRoomForDescriptors(count)) this.waitForRoom(() => ring.hasRoomForDescriptors(count))
  }
}
