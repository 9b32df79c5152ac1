/**
 * A socket with a kernel that the test controls: it takes all bytes at once, or none until the test says so. It refers
 * to the bytes that it has not taken, as libuv does. So bytes that are changed too early reach the peer changed.
 */
import type { Duplex } from 'node:stream'

interface Queued {
  readonly bytes: Buffer
  readonly callback: ((error?: Error | null) => void) | undefined
}

export class FakeSocket {
  writable = true
  writableLength = 0
  /** Whether the kernel takes nothing for now. */
  isStuck = false
  /** Lengths of the writes that had bytes. */
  readonly writeLengths: number[] = []
  private readonly taken: Buffer[] = []
  private readonly unsent: Buffer[] = []
  private queue: Queued[] = []

  /** The socket as the code under test takes it. */
  get duplex(): Duplex {
    return this as unknown as Duplex
  }

  /** All bytes that the kernel has taken. */
  get text(): string {
    return Buffer.concat(this.taken).toString()
  }

  /** All bytes that were handed to the socket, once it is destroyed. */
  get handedText(): string {
    return Buffer.concat([...this.taken, ...this.unsent]).toString()
  }

  write(bytes: Buffer, callback?: (error?: Error | null) => void): boolean {
    if (bytes.length > 0) this.writeLengths.push(bytes.length)
    this.writableLength += bytes.length
    this.queue.push({ bytes, callback })
    if (!this.isStuck) this.drain()
    return true
  }

  /** Lets the kernel take the first `count` writes that wait. */
  drain(count = Number.POSITIVE_INFINITY): void {
    for (let taken = 0; taken < count && this.queue.length > 0; taken++) {
      const { bytes, callback } = this.queue.shift()!
      this.taken.push(Buffer.from(bytes))
      this.writableLength -= bytes.length
      callback?.()
    }
  }

  /** Lets the kernel take all, now and from now on. */
  open(): void {
    this.isStuck = false
    this.drain()
  }

  /** Ends the connection. The bytes that wait are not sent, and stay as they are now. */
  destroy(): void {
    this.writable = false
    for (const { bytes } of this.queue.splice(0)) this.unsent.push(Buffer.from(bytes))
  }

  /** Fails the writes that wait, and all later ones. */
  fail(error: Error): void {
    this.writable = false
    for (const { callback } of this.queue.splice(0)) callback?.(error)
  }
}
