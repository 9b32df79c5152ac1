/**
 * A WebSocket client that costs next to nothing: a TCP socket, an upgrade written by hand, and headers of frames. One of
 * many is a witness: it parses every message and checks that all of it came, once and in order.
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import type { ServerMessage, TickJson } from '../../src/protocol/messages.js'

const CLOSE = 8
const HEAD_END = '\r\n\r\n'

/** Where all clients of a process read into: each read is dealt with before the next. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)

export class LoadClient {
  bytes = 0
  frames = 0
  isOpen = false
  isClosed = false
  private readonly socket: Socket
  private readonly witness: Witness | undefined
  private head = ''
  private readonly frameHead = new Uint8Array(10)
  private frameHeadLength = 0
  private frameHeadWanted = 2
  private payloadLeft = 0
  private isClose = false

  constructor(port: number, path: string, opened: () => void, witness?: Witness) {
    this.witness = witness
    this.socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: readBuffer,
        callback: (length, buffer) => {
          if (this.isOpen) this.read(buffer, 0, length)
          else this.readHead(buffer, length, opened)
          return true
        },
      },
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.isClosed = true
    })
    const key = randomBytes(16).toString('base64')
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}${HEAD_END}`,
    )
  }

  end(): void {
    this.socket.destroy()
  }

  private readHead(buffer: Uint8Array, length: number, opened: () => void): void {
    const before = this.head.length
    this.head += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1')
    const end = this.head.indexOf(HEAD_END)
    if (end < 0) return
    if (!this.head.startsWith('HTTP/1.1 101')) throw new Error(`refused: ${this.head.slice(0, 200)}`)
    this.isOpen = true
    opened()
    this.read(buffer, end + HEAD_END.length - before, length)
  }

  private read(buffer: Uint8Array, start: number, end: number): void {
    this.bytes += end - start
    let at = start
    while (at < end) {
      if (this.payloadLeft === 0) {
        this.frameHead[this.frameHeadLength++] = buffer[at++]!
        if (this.frameHeadLength < this.frameHeadWanted) continue
        if (this.frameHeadLength === 2) {
          const code = this.frameHead[1]! & 0x7f
          this.frameHeadWanted = code < 126 ? 2 : code === 126 ? 4 : 10
          if (code >= 126) continue
        }
        this.beginFrame()
        continue
      }
      const length = Math.min(this.payloadLeft, end - at)
      this.witness?.take(buffer, at, length)
      at += length
      this.payloadLeft -= length
      if (this.payloadLeft === 0) this.endFrame()
    }
  }

  private beginFrame(): void {
    const { frameHead } = this
    const view = new DataView(frameHead.buffer)
    const code = frameHead[1]! & 0x7f
    this.payloadLeft = code < 126 ? code : code === 126 ? view.getUint16(2) : view.getUint32(6)
    this.isClose = (frameHead[0]! & 0x0f) === CLOSE
    this.frameHeadLength = 0
    this.frameHeadWanted = 2
    if (this.payloadLeft === 0) this.endFrame()
  }

  private endFrame(): void {
    this.frames++
    if (this.isClose) this.isClosed = true
    this.witness?.messageEnded(this.isClose)
  }
}

/** Checks what one client gets, and when. */
export class Witness {
  ticks = 0
  readonly errors: string[] = []
  errorCount = 0
  /** Ticks that gap messages told of, by reason; one for each message that does not know how many. */
  readonly missed = new Map<string, number>()
  /** From a tick's time to its arrival here, µs, once `isMeasuring`. */
  readonly latenciesUs: number[] = []
  isMeasuring = false
  private message = Buffer.allocUnsafe(1 << 20)
  private length = 0
  private seq = -1
  private offset = -1
  private readonly sequences = new Map<string, number>()

  /** @param getsAll whether it named no symbols, so that offsets have no holes */
  constructor(private readonly getsAll: boolean) {}

  take(buffer: Uint8Array, start: number, length: number): void {
    if (this.length + length > this.message.length) {
      const wider = Buffer.allocUnsafe(2 * (this.length + length))
      this.message.copy(wider, 0, 0, this.length)
      this.message = wider
    }
    this.message.set(buffer.subarray(start, start + length), this.length)
    this.length += length
  }

  messageEnded(isControl: boolean): void {
    const text = this.message.toString('utf8', 0, this.length)
    this.length = 0
    if (isControl || text === '') return
    const message = JSON.parse(text) as ServerMessage
    if (message.type === 'ticks') this.check(message.seq, message.offset, message.ticks)
    else if (message.type === 'subscribed') {
      this.seq = message.seq
      this.offset = message.offset
    } else if (message.type === 'gap') {
      const { reason, missed, from, to, seq } = message
      // Only who fell out of the window finds that the others' numbers have gone on.
      if (reason !== 'slow' && this.seq >= 0 && seq !== this.seq)
        this.fail(`a gap at seq ${seq} after ${this.seq}`)
      if (this.getsAll && reason === 'slow' && from !== this.offset + 1)
        this.fail(`a gap from ${from} after ${this.offset}`)
      this.missed.set(reason, (this.missed.get(reason) ?? 0) + (missed ?? 1))
      this.seq = seq
      this.offset = to
    } else this.fail(`a message that nobody asked for: ${text}`)
  }

  private check(seq: number, offset: number, ticks: readonly TickJson[]): void {
    const arrivedUs = (performance.timeOrigin + performance.now()) * 1000
    if (this.seq >= 0 && seq !== this.seq + 1) this.fail(`seq ${seq} after ${this.seq}`)
    const isNext = this.getsAll ? offset === this.offset + ticks.length : offset > this.offset
    if (this.offset >= 0 && !isNext)
      this.fail(`offset ${offset} with ${ticks.length} ticks after ${this.offset}`)
    this.seq = seq
    this.offset = offset
    this.ticks += ticks.length
    for (const { symbol, kind, sequence, time } of ticks) {
      const key = kind + symbol
      const before = this.sequences.get(key)
      if (before !== undefined && !(Number(sequence) > before))
        this.fail(`${kind} ${sequence} of ${symbol} after ${before}`)
      this.sequences.set(key, Number(sequence))
      if (this.isMeasuring) this.latenciesUs.push(arrivedUs - time)
    }
  }

  private fail(what: string): void {
    this.errorCount++
    if (this.errors.length < 5) this.errors.push(what)
  }
}
