import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { decodeStreamRequest, type StreamRequest } from '../../src/sources/grpc/feed-messages.js'
import { EPOCH_METADATA_KEY } from '../../src/sources/grpc/tick-feed-service.js'
import { encodeTick, encodeTickBatch, type Tick } from './proto-messages.js'
import { Watched } from './watched.js'

export const OK = 0
export const UNIMPLEMENTED = 12
export const UNAVAILABLE = 14

/** One call of a client, in the test's hands. */
export class ScriptedCall {
  readonly request: StreamRequest
  readonly method: 'Stream' | 'StreamBatches'
  readonly stream: ServerHttp2Stream
  /** Messages that have left for the socket. */
  sentCount = 0

  constructor(stream: ServerHttp2Stream, method: 'Stream' | 'StreamBatches', request: StreamRequest) {
    this.stream = stream
    this.method = method
    this.request = request
  }

  /** Sends the initial metadata. @param encoding of messages with the flag for compression */
  open(epoch?: string, encoding?: 'gzip'): void {
    const epochHeader = epoch === undefined ? {} : { [EPOCH_METADATA_KEY]: epoch }
    const encodingHeader = encoding === undefined ? {} : { 'grpc-encoding': encoding }
    this.stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', ...epochHeader, ...encodingHeader },
      { waitForTrailers: true },
    )
  }

  /** Replies as a proxy that has lost the feed. */
  refuseAsProxy(httpStatus: number): void {
    this.stream.respond({ ':status': httpStatus, 'content-type': 'text/html' })
    this.stream.end('<html><body>Bad Gateway</body></html>')
  }

  /** Sends ticks in the method's form. */
  send(ticks: Partial<Tick>[]): void {
    if (this.method === 'StreamBatches') this.write(encodeTickBatch({ ticks }))
    else for (const tick of ticks) this.write(encodeTick(tick))
  }

  /** Sends a batch that tells the position of its first tick. */
  sendBatch(firstPosition: number, ticks: Partial<Tick>[]): void {
    this.write(encodeTickBatch({ firstPosition, ticks }))
  }

  /** Sends one message after the other, each when HTTP/2 has taken the one before. */
  sendInTurn(ticks: Partial<Tick>[]): void {
    let next = 0
    const sendNext = () => {
      if (next === ticks.length) return
      this.write(encodeTickBatch({ ticks: [ticks[next++]!] }), sendNext)
    }
    sendNext()
  }

  /** Sends a batch as gzip. */
  sendCompressed(ticks: Partial<Tick>[]): void {
    this.sendFlagged(gzipSync(encodeTickBatch({ ticks })))
  }

  /** Sends bytes that say they are compressed. */
  sendFlagged(message: Buffer): void {
    const frame = framed(message)
    frame[0] = 1
    this.stream.write(frame)
  }

  /** Sends a batch byte by byte, each in a frame of HTTP/2 of its own. */
  trickle(ticks: Partial<Tick>[]): void {
    for (const byte of framed(encodeTickBatch({ ticks }))) this.stream.write(Buffer.from([byte]))
  }

  /** Sends the status, with initial metadata before it where there was none. */
  end(code: number, details = ''): void {
    if (!this.stream.headersSent) this.open()
    this.stream.once('wantTrailers', () => {
      this.stream.sendTrailers({ 'grpc-status': String(code), 'grpc-message': details })
    })
    this.stream.end()
  }

  /** Sends the bytes as one message. */
  sendBytes(message: Uint8Array): void {
    this.write(Buffer.from(message))
  }

  private write(message: Buffer, onSent: () => void = () => {}): void {
    this.stream.write(framed(message), () => {
      this.sentCount++
      onSent()
    })
  }
}

/** A message as gRPC frames it: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
function framed(message: Buffer): Buffer {
  const frame = Buffer.alloc(5 + message.length)
  frame.writeUInt32BE(message.length, 1)
  message.copy(frame, 5)
  return frame
}

/**
 * A tick feed under a test's control, on bare HTTP/2: so that it can do what no gRPC library does, such as fall
 * silent or die in the middle.
 */
export class ScriptedFeed extends Watched {
  readonly calls: ScriptedCall[] = []
  readonly sessions = new Set<ServerHttp2Session>()
  private readonly sockets = new Set<Socket>()
  /** All connections ever. */
  connectionCount = 0
  /** Paths asked for that are not there. */
  unimplementedCount = 0
  methods: ReadonlySet<string> = new Set(['Stream', 'StreamBatches'])
  private server: Http2Server | undefined
  private port: number

  /** @param port 0: any free one */
  constructor(port = 0) {
    super()
    this.port = port
  }

  get target(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Listens on a free port at first, on the same one after `stop`. */
  async start(): Promise<void> {
    const server = createServer()
    this.server = server
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket)
      socket.on('close', () => this.sockets.delete(socket))
    })
    server.on('session', session => {
      this.connectionCount++
      this.sessions.add(session)
      session.on('error', () => {})
      session.on('close', () => {
        this.sessions.delete(session)
        this.changed()
      })
      this.changed()
    })
    server.on('stream', (stream, headers) => this.opened(stream, String(headers[':path'])))
    await new Promise<void>(resolve => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
  }

  /** The call of this number, from 1; waits for it. */
  async call(number: number): Promise<ScriptedCall> {
    await this.until(() => this.calls.length >= number)
    return this.calls[number - 1]!
  }

  /** All connections die without a word of HTTP/2. */
  drop(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    const server = this.server
    if (!server) return
    this.server = undefined
    const closed = new Promise(resolve => server.close(resolve))
    for (const session of this.sessions) session.destroy()
    await closed
  }

  private opened(stream: ServerHttp2Stream, path: string): void {
    const chunks: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('close', () => this.changed())
    stream.on('end', () => {
      const name = path.slice('/ringcast.v1.TickFeed/'.length)
      if (!this.methods.has(name)) {
        this.unimplementedCount++
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(UNIMPLEMENTED) },
          { endStream: true },
        )
      } else {
        const request = decodeStreamRequest(Buffer.concat(chunks).subarray(5))
        this.calls.push(new ScriptedCall(stream, name as 'Stream' | 'StreamBatches', request))
      }
      this.changed()
    })
  }
}

/** Quotes of one symbol at these positions. */
export function ticksAt(...positions: number[]): Partial<Tick>[] {
  return positions.map(position => ({
    symbol: 'BTCUSDT',
    kind: 1,
    sequence: position,
    bid: 1,
    ask: 2,
    position,
  }))
}
