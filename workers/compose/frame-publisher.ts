/**
 * Reserves room in the frame ring and describes the frames that were written there. Waits where there is no room. One
 * lane's own. Frames are described in the order in which their room was reserved; at most one reservation is open.
 */
import { invariant } from '../../src/common/errors.js'
import type { FrameDescriptor } from '../../src/memory/frame-descriptor.js'
import type { FrameRingWriter } from '../../src/memory/frame-ring-writer.js'

export class FramePublisher {
  private readonly ring: FrameRingWriter
  /** Publishes the described frames and sleeps until there is room. */
  private readonly waitForRoom: (hasRoom: () => boolean) => void
  /**
   * Called with each run of frames: a long turn reads no record, and the main thread must not take the lane for dead.
   */
  private readonly heartbeat: () => void
  /** Where the open reservation starts. */
  private reservedStart = 0
  private reservedBytes = 0

  constructor(ring: FrameRingWriter, waitForRoom: (hasRoom: () => boolean) => void, heartbeat: () => void) {
    this.ring = ring
    this.waitForRoom = waitForRoom
    this.heartbeat = heartbeat
  }

  /**
   * Reserves `length` bytes in a row, and gives up the reservation before.
   *
   * @returns where they start in the lane's memory
   */
  reserve(length: number): number {
    const { ring } = this
    let start = ring.reserve(length)
    if (start === undefined) {
      this.waitForRoom(() => ring.hasRoomFor(length))
      start = ring.reserve(length)
    }
    if (start === undefined) throw new Error(`no room for ${length} bytes after waiting for it`)
    this.reservedStart = start
    this.reservedBytes = length
    return start
  }

  /** Describes the frames at `[start, end)`, the first of the bytes reserved at `start`. */
  describeFrames(descriptor: FrameDescriptor, start: number, end: number): void {
    invariant(
      start === this.reservedStart && end >= start && end - start <= this.reservedBytes,
      `frames at ${start} to ${end}, reserved ${this.reservedBytes} bytes at ${this.reservedStart}`,
    )
    this.reservedBytes = 0
    descriptor.length = end - start
    this.describe(descriptor)
    this.heartbeat()
  }

  /** Puts a descriptor without frames between the frames described before and after. */
  describeMark(descriptor: FrameDescriptor): void {
    descriptor.length = 0
    this.describe(descriptor)
  }

  /**
   * Has frames composed in the ring, and gives up their room.
   *
   * @param compose writes frames from `start` on, and returns where they end
   * @returns a copy of the frames
   */
  copyOf(lengthMax: number, compose: (start: number) => number): Uint8Array {
    const start = this.reserve(lengthMax)
    return this.ring.bytes.slice(start, compose(start))
  }

  /** Copies frames to `start`, into reserved room. @returns where they end */
  write(frames: Uint8Array, start: number): number {
    this.ring.bytes.set(frames, start)
    return start + frames.length
  }

  private describe(descriptor: FrameDescriptor): void {
    const { ring } = this
    if (!ring.hasRoomForDescriptor()) this.waitForRoom(() => ring.hasRoomForDescriptor())
    ring.describe(descriptor)
  }
}
