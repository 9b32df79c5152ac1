/**
 * Serves the ticks of a history over gRPC to any number of subscribers. Feed's thread.
 * Each subscriber has its own cursor into the history, so a slow one neither holds memory nor delays the others.
 * A connection without a call is closed after a short time.
 */
import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net'
import type { Clock } from '../common/clock.js'
import { ConnectionGate } from '../common/connection-gate.js'
import { doneWithin } from '../common/deadline.js'
import { RingcastError } from '../common/errors.js'
import { type Log, silentLog } from '../common/log.js'
import { symbolFault } from '../common/symbol.js'
import type { MessageForm } from '../ingest/tick-sink.js'
import type { StreamRequest } from '../sources/grpc/feed-messages.js'
import {
  type ConnectionInjector,
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  status,
} from '../sources/grpc/grpc-js.js'
import { EPOCH_METADATA_KEY, tickFeedService } from '../sources/grpc/tick-feed-service.js'
import { type BatchLimits, FeedStream } from './feed-stream.js'
import type { TickHistory } from './tick-history.js'

export interface FeedServerOptions {
  readonly history: TickHistory
  readonly clock: Clock
  /** Names this run of the history's positions. Default: random. */
  readonly epoch?: string
  /** Most ticks in one `TickBatch`. Default 128. */
  readonly batchTicksMax?: number
  /** Called when a subscriber that can be written to has received every tick of the history. */
  readonly onWaiting?: () => void
  readonly log?: Log | undefined
  /** See `ConnectionGateOptions`. */
  readonly reservedFrom?: number | undefined
}

/** The longest `TickBatch` of the contract, without its `first_position`. */
const BATCH_BYTES_MAX = 64 * 1024 - 10
/** From 100 ticks on, the cost of a message no longer matters. More ticks only fill buffers. */
const BATCH_TICKS_MAX_DEFAULT = 128
const CLOSE_TIMEOUT_MS_DEFAULT = 1_000
/** Most connections without a call: a reader calls as soon as it is connected. */
const PENDING_MAX = 100
const CALL_TIMEOUT_MS = 10_000
/** A connection whose calls have ended is closed after this time. */
const IDLE_TIMEOUT_MS = 20_000

type Call = ServerWritableStream<StreamRequest, Buffer>

export class FeedServer {
  readonly epoch: string
  private readonly history: TickHistory
  private readonly clock: Clock
  private readonly limits: BatchLimits
  private readonly onWaiting: () => void
  private readonly server: Server
  /** Servers of our own: grpc-js bounds neither the number of connections nor the time of a connection without a call. */
  private readonly listening: NetServer[] = []
  private readonly injector: ConnectionInjector
  private readonly gate: ConnectionGate
  /** By address and port of the peer, the only name that a call has for its connection. */
  private readonly sockets = new Map<string, Socket>()
  private readonly streams = new Map<Call, FeedStream>()

  constructor(options: FeedServerOptions) {
    this.epoch = options.epoch ?? randomBytes(8).toString('hex')
    this.history = options.history
    this.clock = options.clock
    this.limits = {
      ticksMax: options.batchTicksMax ?? BATCH_TICKS_MAX_DEFAULT,
      bytesMax: BATCH_BYTES_MAX,
    }
    this.onWaiting = options.onWaiting ?? (() => {})
    this.gate = new ConnectionGate({
      what: 'readers of the feed',
      pendingMax: PENDING_MAX,
      timeoutMs: CALL_TIMEOUT_MS,
      reservedFrom: options.reservedFrom,
      clock: options.clock,
      log: options.log ?? silentLog,
    })
    this.server = new Server({ 'grpc.max_connection_idle_ms': IDLE_TIMEOUT_MS })
    this.injector = this.server.createConnectionInjector(ServerCredentials.createInsecure())
    this.server.addService(tickFeedService, {
      Stream: (call: Call) => this.opened(call, 'tick'),
      StreamBatches: (call: Call) => this.opened(call, 'batch'),
    })
  }

  get subscriberCount(): number {
    return this.streams.size
  }

  /** Whether a subscriber can be written to. After `flush`, it waits for new ticks. */
  get hasWaiting(): boolean {
    for (const stream of this.streams.values()) if (!stream.isBlocked) return true
    return false
  }

  /** The lowest cursor of all subscribers (see `FeedStream.cursor`); undefined without a subscriber. */
  get firstUnsent(): number | undefined {
    let first: number | undefined
    for (const { cursor } of this.streams.values()) if (first === undefined || cursor < first) first = cursor
    return first
  }

  /**
   * Listens on 'host:port', at each address of the host. Returns the port; for port 0 the system chooses one.
   *
   * @throws RingcastError `listen_failed` when no address can be opened
   */
  async listen(address: string): Promise<number> {
    try {
      return await this.listenEverywhere(address)
    } catch (cause) {
      throw listenError(address, cause)
    }
  }

  /** Sends the ticks that were appended to the history since the last call. */
  flush(): void {
    for (const [call, stream] of this.streams) this.send(call, stream)
  }

  /** Ends every stream with UNAVAILABLE. Closes the connections that are left after `timeoutMs` by force. */
  async close(timeoutMs = CLOSE_TIMEOUT_MS_DEFAULT): Promise<void> {
    for (const server of this.listening) server.close()
    this.gate.close()
    for (const call of this.streams.keys()) end(call, status.UNAVAILABLE, 'the feed is shutting down')
    this.streams.clear()
    const closed = new Promise<void>(resolve => this.server.tryShutdown(() => resolve()))
    if (await doneWithin(this.clock, timeoutMs, closed)) return
    this.server.forceShutdown()
    await closed
  }

  private async listenEverywhere(address: string): Promise<number> {
    const [, name, bracketed, digits] = /^(?:([^\s:/[\]]+)|\[([\da-f:.]+)\]):(\d{1,5})$/i.exec(address) ?? []
    const host = name ?? bracketed
    if (host === undefined) throw new Error('it has no host or no port')
    let port = Number(digits)
    let failure: unknown
    for (const { address: numeric } of await lookup(host, { all: true })) {
      try {
        port = await this.listenAt(numeric, port)
      } catch (error) {
        failure ??= error
      }
    }
    if (this.listening.length === 0) throw failure
    return port
  }

  private async listenAt(host: string, port: number): Promise<number> {
    const server = createServer(socket => this.accepted(socket))
    await once(server.listen({ host, port }), 'listening')
    server.on('error', error => this.gate.acceptFailed(error))
    this.listening.push(server)
    return (server.address() as AddressInfo).port
  }

  private accepted(socket: Socket): void {
    if (!this.gate.enter(socket)) return
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    this.sockets.set(peer, socket)
    socket.once('close', () => this.sockets.delete(peer))
    this.injector.injectConnection(socket)
  }

  private opened(call: Call, form: MessageForm): void {
    const socket = this.sockets.get(call.getPeer())
    if (socket !== undefined) this.gate.settle(socket)
    for (const symbol of call.request.symbols) {
      const fault = symbolFault(symbol)
      if (fault === undefined) continue
      end(call, status.INVALID_ARGUMENT, fault)
      return
    }
    const stream = new FeedStream(this.history, call, form, call.request, this.limits)
    this.streams.set(call, stream)
    call.on('drain', () => {
      stream.drained()
      if (this.streams.has(call)) this.serve(call, stream)
    })
    call.on('cancelled', () => this.streams.delete(call))
    const metadata = new Metadata()
    metadata.set(EPOCH_METADATA_KEY, this.epoch)
    call.sendMetadata(metadata)
    this.serve(call, stream)
  }

  private serve(call: Call, stream: FeedStream): void {
    if (this.send(call, stream)) this.onWaiting()
  }

  /** Whether the subscriber has received every tick and can be written to. */
  private send(call: Call, stream: FeedStream): boolean {
    const result = stream.send()
    if (result === 'lost') {
      this.streams.delete(call)
      end(call, status.DATA_LOSS, 'the stream fell behind what the feed still holds')
    }
    return result === 'waiting'
  }
}

/** Ends a stream with a status, the way grpc-js wants it. Messages written before are still sent. */
function end(call: Call, code: status, details: string): void {
  call.emit('error', { code, details })
}

function listenError(address: string, cause: unknown): RingcastError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const advice = reason.includes('EADDRINUSE')
    ? 'the port is taken: stop what listens there, or choose another port (0 for any free one)'
    : 'give it as host:port, with a host of this machine'
  return new RingcastError('listen_failed', `the feed cannot listen on ${address}: ${advice} (${reason})`, {
    cause,
  })
}
