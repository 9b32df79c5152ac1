/**
 * Serves TickFeed over a tick history to any number of subscribers, each with a cursor of its own. One thread.
 * A subscriber that reads slowly holds nothing but its cursor; the others do not notice. A connection without a call is held for a short time.
 */
import { randomBytes } from 'node:crypto'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net'
import {
  type ConnectionInjector,
  Metadata,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js'
import type { Clock } from '../common/clock.js'
import { ConnectionGate } from '../common/connection-gate.js'
import { doneWithin } from '../common/deadline.js'
import { RingcastError } from '../common/errors.js'
import { type Log, silentLog } from '../common/log.js'
import { symbolFault } from '../common/symbol.js'
import { EPOCH_METADATA_KEY, type StreamRequest, tickFeedService } from '../sources/grpc/tick-feed-service.js'
import type { MessageForm } from '../sources/tick-source.js'
import { type BatchLimits, FeedStream } from './feed-stream.js'
import type { TickHistory } from './tick-history.js'

export interface FeedServerOptions {
  readonly history: TickHistory
  readonly clock: Clock
  /** Names this run of the history's count; random when not given. */
  readonly epoch?: string
  /** Ticks in one `TickBatch`; 128 when not given. */
  readonly batchTicksMax?: number
  /** Called when a subscriber that may be written to waits for ticks that are not made yet. */
  readonly onWaiting?: () => void
  readonly log?: Log | undefined
  /** See `ConnectionGateOptions`. */
  readonly reservedFrom?: number | undefined
}

/** A `TickBatch` holds at most this; from the contract. */
const BATCH_BYTES_MAX = 64 * 1024
// From 100 ticks a message on the cost per message no longer shows; more would only grow what waits in buffers.
const BATCH_TICKS_MAX_DEFAULT = 128
const CLOSE_TIMEOUT_MS_DEFAULT = 1_000
/** Connections that have made no call yet: a reader calls as soon as it is connected. */
const PENDING_MAX = 100
const CALL_TIMEOUT_MS = 10_000
/** For a connection whose calls have ended. */
const IDLE_TIMEOUT_MS = 20_000

type Call = ServerWritableStream<StreamRequest, Buffer>

export class FeedServer {
  readonly epoch: string
  readonly #history: TickHistory
  readonly #clock: Clock
  readonly #limits: BatchLimits
  readonly #onWaiting: () => void
  readonly #server: Server
  /** Our own, since grpc-js does not bound the number of its connections, nor the time of one with half a call. */
  readonly #listening: NetServer[] = []
  readonly #injector: ConnectionInjector
  readonly #gate: ConnectionGate
  /** By the address and port of the other side, which is what a call tells of its connection. */
  readonly #sockets = new Map<string, Socket>()
  readonly #streams = new Map<Call, FeedStream>()

  constructor(options: FeedServerOptions) {
    this.epoch = options.epoch ?? randomBytes(8).toString('hex')
    this.#history = options.history
    this.#clock = options.clock
    this.#limits = {
      ticksMax: options.batchTicksMax ?? BATCH_TICKS_MAX_DEFAULT,
      bytesMax: BATCH_BYTES_MAX,
    }
    this.#onWaiting = options.onWaiting ?? (() => {})
    this.#gate = new ConnectionGate({
      what: 'readers of the feed',
      pendingMax: PENDING_MAX,
      timeoutMs: CALL_TIMEOUT_MS,
      reservedFrom: options.reservedFrom,
      clock: options.clock,
      log: options.log ?? silentLog,
    })
    this.#server = new Server({ 'grpc.max_connection_idle_ms': IDLE_TIMEOUT_MS })
    this.#injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure())
    this.#server.addService(tickFeedService, {
      Stream: (call: Call) => this.#opened(call, 'tick'),
      StreamBatches: (call: Call) => this.#opened(call, 'batch'),
    })
  }

  get subscriberCount(): number {
    return this.#streams.size
  }

  /** Whether some subscriber may be written to; after `flush` such a one waits for new ticks. */
  get hasWaiting(): boolean {
    for (const stream of this.#streams.values()) if (!stream.blocked) return true
    return false
  }

  /** The first position that some subscriber was not sent, see `FeedStream.cursor`; undefined while there is none. */
  get firstUnsent(): number | undefined {
    let first: number | undefined
    for (const { cursor } of this.#streams.values()) if (first === undefined || cursor < first) first = cursor
    return first
  }

  /**
   * Listens on 'host:port', at each address that the host has, and gives the port, which with port 0 is one of the system's choice.
   * Throws `listen_failed` when no address can be had.
   */
  async listen(address: string): Promise<number> {
    try {
      return await this.#listenEverywhere(address)
    } catch (cause) {
      throw listenError(address, cause)
    }
  }

  /** Sends what was appended to the history since the last time. */
  flush(): void {
    for (const [call, stream] of this.#streams) this.#send(call, stream)
  }

  /** Ends all streams with UNAVAILABLE, and cuts off those that have not taken it within `timeoutMs`. */
  async close(timeoutMs = CLOSE_TIMEOUT_MS_DEFAULT): Promise<void> {
    for (const server of this.#listening) server.close()
    this.#gate.close()
    for (const call of this.#streams.keys()) end(call, status.UNAVAILABLE, 'the feed is shutting down')
    this.#streams.clear()
    const closed = new Promise<void>(resolve => this.#server.tryShutdown(() => resolve()))
    if (await doneWithin(this.#clock, timeoutMs, closed)) return
    this.#server.forceShutdown()
    await closed
  }

  async #listenEverywhere(address: string): Promise<number> {
    const [, name, bracketed, digits] = /^(?:([^\s:/[\]]+)|\[([\da-f:.]+)\]):(\d{1,5})$/i.exec(address) ?? []
    const host = name ?? bracketed
    if (host === undefined) throw new Error('it has no host or no port')
    let port = Number(digits)
    let failure: unknown
    for (const { address: numeric } of await lookup(host, { all: true })) {
      try {
        port = await this.#listenAt(numeric, port)
      } catch (error) {
        failure ??= error
      }
    }
    if (this.#listening.length === 0) throw failure
    return port
  }

  async #listenAt(host: string, port: number): Promise<number> {
    const server = createServer(socket => this.#accepted(socket))
    await once(server.listen({ host, port }), 'listening')
    server.on('error', error => this.#gate.acceptFailed(error))
    this.#listening.push(server)
    return (server.address() as AddressInfo).port
  }

  #accepted(socket: Socket): void {
    if (!this.#gate.enter(socket)) return
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    this.#sockets.set(peer, socket)
    socket.once('close', () => this.#sockets.delete(peer))
    this.#injector.injectConnection(socket)
  }

  #opened(call: Call, form: MessageForm): void {
    const socket = this.#sockets.get(call.getPeer())
    if (socket !== undefined) this.#gate.settle(socket)
    for (const symbol of call.request.symbols) {
      const fault = symbolFault(symbol)
      if (fault === undefined) continue
      end(call, status.INVALID_ARGUMENT, fault)
      return
    }
    const stream = new FeedStream(this.#history, call, form, call.request, this.#limits)
    this.#streams.set(call, stream)
    call.on('drain', () => {
      stream.drained()
      if (this.#streams.has(call)) this.#serve(call, stream)
    })
    call.on('cancelled', () => this.#streams.delete(call))
    const metadata = new Metadata()
    metadata.set(EPOCH_METADATA_KEY, this.epoch)
    call.sendMetadata(metadata)
    this.#serve(call, stream)
  }

  #serve(call: Call, stream: FeedStream): void {
    if (this.#send(call, stream)) this.#onWaiting()
  }

  /** Whether the subscriber has everything and may be written to. */
  #send(call: Call, stream: FeedStream): boolean {
    const result = stream.send()
    if (result === 'lost') {
      this.#streams.delete(call)
      end(call, status.DATA_LOSS, 'the stream fell behind what the feed still holds')
    }
    return result === 'waiting'
  }
}

/** The way that grpc-js has for a stream to end with a status; what was written before is still sent. */
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
