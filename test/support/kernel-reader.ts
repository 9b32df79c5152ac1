/**
 * A WebSocket client that takes exactly as many bytes from the kernel as it is told to: a socket of Node's would take 64 KiB at once.
 */
import { once } from 'node:events'
import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { type Frame, framesOf, frameText } from './frames.js'
import { until } from './until.js'
import { upgradeRequest } from './upgrade-request.js'

const PING = 0x89
const CLOSE = 0x88
/** Masked, with a key of zeros, and empty. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])

export class KernelReader {
  private readonly socket = new Socket()
  private readonly buffer = Buffer.alloc(1 << 20)
  /** What it has taken that is no whole frame yet. */
  private rest = Buffer.alloc(0)
  readonly messages: ServerMessage[] = []
  /** Of all ticks. */
  readonly sequences: number[] = []
  pongs = 0
  takenBytes = 0
  /** The code it was closed with; 1006: it was cut. */
  closed: number | undefined

  /** A connection that has sent and taken nothing. */
  static async open(at: number | string): Promise<KernelReader> {
    const reader = new KernelReader()
    const { socket } = reader
    // Before it is connected: so Node never reads.
    socket.pause()
    socket.on('error', () => {})
    if (typeof at === 'string') socket.connect(at)
    else socket.connect(at, '127.0.0.1')
    await once(socket, 'connect')
    return reader
  }

  /** A client that is subscribed. @param at a port of the loopback, or the path of a Unix socket */
  static async connect(at: number | string, target = '/ws/ticks'): Promise<KernelReader> {
    const reader = await KernelReader.open(at)
    reader.socket.write(upgradeRequest(target))
    let head = ''
    await until(() => {
      head += reader.take(1).toString()
      return head.endsWith('\r\n\r\n')
    })
    await reader.readUntil(() => reader.messages.length > 0)
    return reader
  }

  /** Takes up to so many bytes, as far as they are there, and answers the pings among them. */
  read(bytesMax: number): void {
    this.rest = Buffer.concat([this.rest, this.take(bytesMax)])
    const whole = wholeFramesLength(this.rest)
    for (const frame of framesOf(this.rest.subarray(0, whole))) this.obey(frame)
    this.rest = this.rest.subarray(whole)
  }

  /**
   * Takes that many bytes and waits for those that the kernel does not have yet. Clocks of tests can be faster than the kernel.
   *
   * @param isDone whether no more bytes come
   */
  async readFully(bytes: number, isDone: () => boolean): Promise<void> {
    let left = bytes
    await until(() => {
      const before = this.takenBytes
      this.read(left)
      left -= this.takenBytes - before
      return left === 0 || isDone() || this.closed !== undefined
    })
  }

  /** Takes all that there is, and all that comes, until `isDone`. */
  async readUntil(isDone: () => boolean): Promise<void> {
    await until(() => {
      if (isDone() || this.closed !== undefined) return true
      this.read(this.buffer.length)
      return false
    })
  }

  /** Sends a close frame, and does not end its side. */
  close(): void {
    this.socket.write(Buffer.from([CLOSE, 0x82, 0, 0, 0, 0, 1000 >> 8, 1000 & 255]))
  }

  destroy(): void {
    this.socket.destroy()
  }

  private obey({ first, payload }: Frame): void {
    if (this.closed !== undefined) throw new Error(`byte ${first} of a frame came behind the close frame`)
    if (first === CLOSE) this.closed = payload.readUInt16BE()
    else if (first === PING) {
      this.pongs++
      this.socket.write(PONG)
    } else {
      const message: ServerMessage = JSON.parse(frameText({ first, payload }))
      this.messages.push(message)
      if (message.type === 'ticks')
        for (const { sequence } of message.ticks) this.sequences.push(Number(sequence))
    }
  }

  /** Up to so many bytes, as they are. */
  take(bytesMax: number): Buffer {
    const { fd } = (this.socket as unknown as { _handle: { fd: number } })._handle
    try {
      const length = readSync(fd, this.buffer, 0, Math.min(bytesMax, this.buffer.length), null)
      if (length === 0) this.closed ??= 1006
      this.takenBytes += length
      return Buffer.from(this.buffer.subarray(0, length))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.closed ??= 1006
      return Buffer.alloc(0)
    }
  }
}

/** How much of `bytes` is whole frames of the server. */
function wholeFramesLength(bytes: Buffer): number {
  let whole = 0
  for (;;) {
    const left = bytes.subarray(whole)
    const length = left.length < 2 ? Infinity : frameLength(left)
    if (left.length < length) return whole
    whole += length
  }
}

/** Infinity: it is not told yet. */
function frameLength(bytes: Buffer): number {
  const short = bytes[1]!
  if (short < 126) return 2 + short
  if (short === 126) return bytes.length < 4 ? Infinity : 4 + bytes.readUInt16BE(2)
  return bytes.length < 10 ? Infinity : 10 + Number(bytes.readBigUInt64BE(2))
}
