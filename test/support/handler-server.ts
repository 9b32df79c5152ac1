/**
 * A StreamHandler behind a real HTTP server on a free port, and real clients of it.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { type ClientOptions, WebSocket } from 'ws'
import type { StreamHandlerParts } from '../../src/broadcaster/handler-parts.js'
import { StreamHandler, type StreamHandlerOptions } from '../../src/broadcaster/stream-handler.js'
import { KernelQueues } from '../../src/clients/kernel-queues.js'
import { inodeOf } from '../../src/common/socket-handle.js'
import type { HandlerOptions } from '../../src/config/config.js'
import type { LaneMetric, MainMetric } from '../../src/metrics/metric-table.js'
import type { ServerMessage } from '../../src/protocol/messages.js'
import type { QuoteTick } from '../../src/ticks/pushed-tick.js'
import { KernelReader } from './kernel-reader.js'
import { until } from './until.js'
import { KEY, upgradeRequest } from './upgrade-request.js'
import { Watched } from './watched.js'

/** Small rings: a test has few ticks, and larger memory takes time to zero. */
export const SMALL: Partial<HandlerOptions> = {
  poolSize: 1,
  tickLogBytes: 1 << 20,
  frameRingBytes: 1 << 20,
  turnBytesMax: 16 * 1024,
  laneHangTimeoutMs: 600_000,
  // All clients of a test are let in at once, whatever its clock says.
  connectionsPerSecond: 100_000,
}

/** Memory of the default size, for tests whose clients must not have an overrun. */
export const FULL_SIZE: Partial<HandlerOptions> = {
  tickLogBytes: 64 << 20,
  frameRingBytes: 64 << 20,
  turnBytesMax: 256 * 1024,
}

/** For tests whose clients send commands all the time: no command waits for a work budget. */
export const AMPLE_WORK: Partial<HandlerOptions> = {
  maxCommandsPerSecond: 100_000,
  clientWorkPerSecond: 1 << 30,
  addressWorkPerSecond: 1 << 30,
  totalWorkPerSecond: 1 << 30,
}

/** The longest symbol: a connection is full after few ticks. */
const FILL = 'FILL'.padEnd(64, '-')

export class HandlerServer {
  /** Takes ticks of any schema. */
  readonly handler: StreamHandler<object>
  /** The sockets of all upgrade requests, in order. */
  readonly sockets: Duplex[] = []
  private readonly server: Server
  private readonly clients: { terminate(): void }[] = []

  private constructor(
    options: StreamHandlerOptions,
    parts: StreamHandlerParts,
    /** The path of a Unix socket; undefined: TCP. */
    readonly path?: string,
    private readonly tls?: ServerOptions,
  ) {
    this.handler = new StreamHandler<object>({ ...SMALL, ...options }, parts)
    this.server = tls === undefined ? createServer() : createTlsServer(tls)
    this.server.on('upgrade', (incoming, socket, head) => {
      this.sockets.push(socket)
      this.handler.handleUpgrade(incoming, socket, head)
    })
  }

  static async start(
    options: StreamHandlerOptions = {},
    parts: StreamHandlerParts = {},
  ): Promise<HandlerServer> {
    const server = new HandlerServer(options, parts)
    server.server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    return server
  }

  /** Listens on a Unix socket: there the kernel keeps few bytes for a client that does not read. */
  static async startOnUnixSocket(
    options: Partial<HandlerOptions> = {},
    parts: StreamHandlerParts = {},
  ): Promise<HandlerServer> {
    const server = new HandlerServer(options, parts, join(mkdtempSync(join(tmpdir(), 'ringcast-')), 'socket'))
    server.server.listen(server.path)
    await once(server.server, 'listening')
    return server
  }

  static async startOnTls(tls: ServerOptions, options: Partial<HandlerOptions> = {}): Promise<HandlerServer> {
    const server = new HandlerServer(options, {}, undefined, tls)
    server.server.listen(0, '127.0.0.1')
    await once(server.server, 'listening')
    return server
  }

  url(query = ''): string {
    if (this.path !== undefined) return `ws+unix:${this.path}:/ws/ticks${query.replaceAll(':', '%3A')}`
    return `${this.tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${this.port}/ws/ticks${query}`
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  count(metric: MainMetric): number {
    return this.handler.getMetrics().counters[metric]
  }

  /** A counter of the only lane. */
  countOfLane(metric: LaneMetric): number {
    return this.handler.getMetrics().lanes[0]!.counters[metric]
  }

  /** All counters whose name begins with `prefix` and that are not 0. */
  counts(prefix: string): Record<string, number> {
    const { counters } = this.handler.getMetrics()
    return Object.fromEntries(
      Object.entries(counters).filter(([name, value]) => name.startsWith(prefix) && value !== 0),
    )
  }

  /** Connects a client, and resolves when it is subscribed. */
  async connect(query = '', options: ClientOptions = {}, subprotocols: string[] = []): Promise<TestClient> {
    const client = new TestClient(this.url(query), subprotocols, options)
    this.clients.push(client.socket)
    await client.until(() => client.messages.length > 0)
    return client
  }

  /** Sends an upgrade request and resolves when the response is there. The caller reads and writes frames as bytes. */
  async connectRaw(target = '/ws/ticks', headers: readonly string[] = []): Promise<Socket> {
    const socket = this.path === undefined ? connect(this.port, '127.0.0.1') : connect(this.path)
    this.clients.push({ terminate: () => socket.destroy() })
    socket.on('error', () => {})
    socket.write(upgradeRequest(target, headers))
    await once(socket, 'readable')
    return socket
  }

  /**
   * The response to an upgrade request that is refused.
   *
   * @param port of another server in front of the handler
   */
  async refusal(
    target: string,
    headers: Record<string, string> = {},
    method = 'GET',
    port = this.port,
  ): Promise<Refused> {
    const outgoing = request({
      port,
      host: '127.0.0.1',
      path: target,
      method,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': KEY,
        ...headers,
      },
    })
    outgoing.end()
    const [response] = await once(outgoing, 'response')
    let body = ''
    for await (const chunk of response) body += chunk
    return { status: response.statusCode, headers: response.headers, body: JSON.parse(body) }
  }

  /** A client that reads as many bytes as the test says. */
  async connectReader(): Promise<KernelReader> {
    const reader = await KernelReader.connect(this.path ?? this.port)
    this.clients.push({ terminate: () => reader.destroy() })
    return reader
  }

  /** Waits for a condition without an event. The test's timeout bounds it. */
  until(holds: () => boolean): Promise<void> {
    return until(holds)
  }

  /** Pushes ticks until one more write is blocked and the kernel moves no more bytes. @returns the number of ticks */
  async pushUntilBlocked(): Promise<number> {
    const before = this.count('writesBlocked')
    let sequence = 0
    while (this.count('writesBlocked') === before) {
      for (let tick = 0; tick < 100; tick++)
        if (this.handler.broadcastTick(quote(FILL, sequence + 1))) sequence++
      await this.untilRead()
    }
    await this.untilQuiet()
    return sequence
  }

  /** Waits until the lanes have read all ticks: they have room for what the test pushes next. */
  async untilRead(): Promise<void> {
    await this.until(() => this.handler.getMetrics().lanes.every(({ queueDepth }) => queueDepth === 0))
  }

  /** Waits until the kernel moves no more bytes. From then on a client that does not read takes no byte. */
  async untilQuiet(): Promise<void> {
    // The bytes of a Unix socket lie at its other end at once.
    if (this.path !== undefined) return
    const untaken = async () => {
      const queues = await KernelQueues.read()
      return this.sockets.map(socket => queues.untaken(inodeOf(socket))).join()
    }
    let before = await untaken()
    for (let quietMs = 0; quietMs < ACKNOWLEDGED_AFTER_MS; quietMs += LOOK_MS) {
      await setTimeout(LOOK_MS)
      const now = await untaken()
      if (now !== before) quietMs = 0
      before = now
    }
  }

  /** Ends the clients, so that another test can use the server. */
  async endClients(): Promise<void> {
    for (const client of this.clients.splice(0)) client.terminate()
    await until(() => this.handler.getClientCount() === 0)
  }

  /** Ends clients, server and handler. */
  async stop(): Promise<void> {
    for (const client of this.clients) client.terminate()
    this.server.close()
    this.server.closeAllConnections()
    // Without clients this takes no time, unless a lane makes no progress.
    await this.handler.shutdown({ timeoutMs: 200 })
    if (this.path !== undefined) rmSync(dirname(this.path), { recursive: true })
  }
}

export interface Refused {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: unknown
}

/** Linux acknowledges received bytes within 40 ms. */
const ACKNOWLEDGED_AFTER_MS = 100
const LOOK_MS = 10

export class TestClient extends Watched {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  pings = 0
  pongs = 0
  closed: { readonly code: number; readonly reason: string } | undefined

  constructor(url: string, subprotocols: string[], options: ClientOptions) {
    super()
    this.socket = new WebSocket(url, subprotocols, options)
    this.socket.on('message', data => {
      this.messages.push(JSON.parse(data.toString()))
      this.changed()
    })
    this.socket.on('ping', () => {
      this.pings++
      this.changed()
    })
    this.socket.on('pong', () => {
      this.pongs++
      this.changed()
    })
    this.socket.on('error', () => {})
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() }
      this.changed()
    })
  }

  /** The symbols and sequences of all ticks, as in `A1`. */
  get ticks(): string[] {
    const all = this.messages.flatMap(message => (message.type === 'ticks' ? message.ticks : []))
    return all.map(({ symbol, sequence }) => `${symbol}${sequence}`)
  }

  async untilClosed(): Promise<{ readonly code: number; readonly reason: string }> {
    await this.until(() => this.closed !== undefined)
    return this.closed!
  }

  /** Resolves when the handler has read everything that the client sent. */
  async roundTrip(): Promise<void> {
    const errors = () => this.messages.filter(({ type }) => type === 'error').length
    const before = errors()
    this.socket.send('?')
    await this.until(() => errors() > before)
  }
}

export function quote(symbol: string, sequence: number): QuoteTick {
  const sourceTimeNs = 1_700_000_000_000_000_000n + BigInt(sequence)
  return { kind: 'quote', symbol, sequence, sourceTimeNs, bid: 1.5, bidSize: 2, ask: 1.75, askSize: 3 }
}
