/**
 * A WebSocket client that costs next to nothing: a socket of TCP or TLS, an upgrade written by hand, and headers of frames. The
 * client answers pings and close frames. Only a client with a reader reads its messages.
 */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, type SecureContext, connect as tlsConnect } from 'node:tls'

/** Takes the messages of a client, piece by piece. */
export interface MessageReader {
  /** Whether the server keeps its compression window from message to message; undefined: it does not compress. */
  keepsWindow: boolean | undefined
  take(buffer: Uint8Array, start: number, length: number): void
  messageEnded(isCompressed: boolean): void
}

export interface LoadClientOptions {
  readonly port: number
  readonly path: string
  /** The address that the client has. Default: the system chooses. */
  readonly localAddress?: string
  /** Whether the client offers permessage-deflate, as browsers do. */
  readonly deflate: boolean
  /** Whether the client joins the default namespace and answers packets, as a client of socket.io. */
  readonly isSocketIo: boolean
  /** Connects over TLS, to a server whose certificate names `localhost`. */
  readonly secureContext?: SecureContext | undefined
  readonly reader: MessageReader | undefined
  /** Bytes that the client reads per second, at an even pace; undefined: as fast as they come. */
  readonly bytesPerSecond?: number
  /** Called once: without an argument when the connection is open, else with the server's response. */
  readonly opened: (refusal?: string) => void
}

export const TEXT = 1
const CLOSE = 8
const PING = 9
const PONG = 10
const FIN = 0x80
const MASKED = 0x80
const RSV1 = 0x40
const CONTROL_BYTES_MAX = 125
const HEAD_END = '\r\n\r\n'
const DEFLATE_OFFER = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n'

/** The buffer into which all clients without a pace read. Each read is handled before the next one. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)
const PACE_MS = 100

export class LoadClient {
  bytes = 0
  frames = 0
  isOpen = false
  isClosed = false
  isStalled = false
  /** The code of the server's close frame; undefined: there was none. */
  closeCode: number | undefined
  /** When the close frame came, or the end of the connection: ms since the Unix epoch. */
  closedMs: number | undefined
  private readonly options: LoadClientOptions
  private readonly socket: Socket
  private head = ''
  // One client that has much to read does not keep the others of its process from reading.
  private readonly readMore = (): void => {
    if (!this.isStalled) this.socket.resume()
  }
  private readonly frameHead = new Uint8Array(10)
  private readonly frameHeadView = new DataView(this.frameHead.buffer)
  private frameHeadLength = 0
  private frameHeadWanted = 2
  private payloadLength = 0
  private payloadLeft = 0
  /** Bytes of a control frame, or of a packet of socket.io. */
  private readonly control = Buffer.alloc(CONTROL_BYTES_MAX)

  constructor(options: LoadClientOptions) {
    this.options = options
    const { port, deflate, secureContext } = options
    const path = options.isSocketIo ? socketIoPath(options.path) : options.path
    const pacedBytes = options.bytesPerSecond && Math.ceil((options.bytesPerSecond * PACE_MS) / 1000)
    const target = {
      port,
      host: '127.0.0.1',
      ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      onread: {
        buffer: pacedBytes === undefined ? readBuffer : Buffer.allocUnsafeSlow(pacedBytes),
        callback: (length: number, buffer: Uint8Array) => {
          if (this.isOpen) this.read(buffer, 0, length)
          else this.readHead(buffer, length)
          if (pacedBytes === undefined && length < buffer.length) return true
          if (pacedBytes === undefined) setImmediate(this.readMore)
          return false
        },
      },
    }
    this.socket =
      secureContext === undefined
        ? connect(target)
        : tlsConnect({ ...target, secureContext, servername: 'localhost' } as ConnectionOptions)
    this.socket.on('error', error => this.refused(error.message))
    const pace = pacedBytes === undefined ? undefined : setInterval(() => this.socket.resume(), PACE_MS)
    this.socket.on('close', () => {
      clearInterval(pace)
      this.hasClosed()
      this.refused('the connection was closed')
    })
    const key = randomBytes(16).toString('base64')
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${deflate ? DEFLATE_OFFER : ''}\r\n`,
    )
  }

  /** Stops reading, as a client whose machine is too slow or asleep. */
  stall(): void {
    this.isStalled = true
    this.socket.pause()
  }

  /** Reads again after `stall`. */
  resume(): void {
    this.isStalled = false
    this.socket.resume()
  }

  /** Bytes that the system has not taken yet. */
  get unsentBytes(): number {
    return this.socket.writableLength
  }

  end(): void {
    this.socket.destroy()
  }

  /** Sends everything in one write. */
  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames))
  }

  private hasClosed(): void {
    this.isClosed = true
    this.closedMs ??= performance.timeOrigin + performance.now()
  }

  private refused(answer: string): void {
    if (!this.isOpen) this.options.opened(answer)
  }

  private readHead(buffer: Uint8Array, length: number): void {
    const before = this.head.length
    this.head += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1')
    const end = this.head.indexOf(HEAD_END)
    if (end < 0) return
    if (!this.head.startsWith('HTTP/1.1 101')) {
      this.refused(this.head.slice(0, 500))
      return
    }
    const { deflate, isSocketIo, reader, opened } = this.options
    const extensions = /^sec-websocket-extensions:(.*)$/im.exec(this.head)?.[1] ?? ''
    if (deflate && !extensions.includes('permessage-deflate')) {
      this.refused('it does not compress: no permessage-deflate in its answer')
      return
    }
    if (reader !== undefined && deflate)
      reader.keepsWindow = !extensions.includes('server_no_context_takeover')
    this.isOpen = true
    if (isSocketIo) this.send(clientFrame(TEXT, Buffer.from('40')))
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
      if (this.isControl) this.takeControl(buffer, at, length)
      else this.options.reader?.take(buffer, at, length)
      at += length
      this.payloadLeft -= length
      if (this.payloadLeft === 0) this.endFrame()
    }
  }

  private get opcode(): number {
    return this.frameHead[0]! & 0x0f
  }

  private get isControl(): boolean {
    // Packets of socket.io that need an answer are shorter than any event.
    return this.opcode >= CLOSE || (this.options.isSocketIo && this.payloadLength === 1)
  }

  private beginFrame(): void {
    const code = this.frameHead[1]! & 0x7f
    this.payloadLength =
      code < 126 ? code : code === 126 ? this.frameHeadView.getUint16(2) : this.frameHeadView.getUint32(6)
    this.payloadLeft = this.payloadLength
    this.frameHeadLength = 0
    this.frameHeadWanted = 2
    if (this.payloadLeft === 0) this.endFrame()
  }

  private takeControl(buffer: Uint8Array, start: number, length: number): void {
    this.control.set(buffer.subarray(start, start + length), this.payloadLength - this.payloadLeft)
  }

  private endFrame(): void {
    this.frames++
    if (!this.isControl) {
      this.options.reader?.messageEnded((this.frameHead[0]! & RSV1) !== 0)
      return
    }
    const payload = this.control.subarray(0, this.payloadLength)
    if (this.opcode === CLOSE) {
      this.closeCode = payload.length < 2 ? undefined : payload.readUInt16BE()
      this.hasClosed()
      this.send(clientFrame(CLOSE, payload))
    } else if (this.opcode === PING) this.send(clientFrame(PONG, payload))
    else if (this.opcode === TEXT && payload[0] === 0x32) this.send(clientFrame(TEXT, Buffer.from('3')))
  }
}

/** A frame of at most 64 KiB as clients send it: masked, with zeros, which leave the payload as it is. */
export function clientFrame(opcode: number, payload: Buffer, isCompressed = false): Buffer {
  const { length } = payload
  const lengthBytes = length <= CONTROL_BYTES_MAX ? [length] : [126, length >> 8, length & 0xff]
  const [first, ...rest] = lengthBytes as [number, ...number[]]
  const head = [FIN | opcode | (isCompressed ? RSV1 : 0), MASKED | first, ...rest, 0, 0, 0, 0]
  return Buffer.concat([Buffer.from(head), payload])
}

/** Engine.IO 4, directly on a WebSocket: https://socket.io/docs/v4/engine-io-protocol/ */
function socketIoPath(path: string): string {
  const query = path.split('?')[1]
  return `/socket.io/?EIO=4&transport=websocket${query === undefined ? '' : `&${query}`}`
}
