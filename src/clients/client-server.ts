/**
 * The HTTP server that clients connect to: hands upgrades on, and refuses every other request. Main thread.
 * A connection that is not yet a WebSocket makes one request, soon, and is ended by the answer. `ConnectionGate` bounds how many there are.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import { ConnectionGate } from '../common/connection-gate.js'
import { listen } from '../common/listen.js'
import type { Log } from '../common/log.js'
import type { ServerMetric } from '../metrics/metric-table.js'
import { refuseBroken, refuseConnect, refuseRequest } from './upgrade-refusal.js'

export interface ClientServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Answers an upgrade request. @returns whether the connection has become a WebSocket */
  readonly handleUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
  /** Connections that are not yet WebSockets. */
  readonly pendingMax: number
  /** See `ConnectionGateOptions`. */
  readonly reservedFrom?: number
  /** For the head of a request to arrive. Default ten seconds. */
  readonly requestTimeoutMs?: number
  readonly clock: Clock
  readonly log: Log
}

/** Connections waiting to be accepted: as many as the system allows, since clients come back all at once. */
const BACKLOG = 4096
/** As Node has it by default. The URL of a client may name many symbols. */
const HEADER_BYTES_MAX = 16_384
const REQUEST_TIMEOUT_MS_DEFAULT = 10_000
/** Of the request time-out: how often it is looked at. */
const CHECKS_PER_TIMEOUT = 10

export class ClientServer {
  readonly #options: ClientServerOptions
  readonly #server: Server
  readonly #gate: ConnectionGate

  constructor(options: ClientServerOptions) {
    this.#options = options
    const { clock, handleUpgrade, log, pendingMax, requestTimeoutMs = REQUEST_TIMEOUT_MS_DEFAULT } = options
    const gate = new ConnectionGate({
      what: 'clients',
      pendingMax,
      // For what Node does not time out, such as a refusal that is not read. It answers 408 before that.
      timeoutMs: requestTimeoutMs * 2,
      reservedFrom: options.reservedFrom,
      clock,
      log,
    })
    this.#gate = gate
    const server = createServer({
      maxHeaderSize: HEADER_BYTES_MAX,
      // Both count from the start of the connection when nothing has come.
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / CHECKS_PER_TIMEOUT,
    })
    this.#server = server
    server.on('connection', socket => gate.enter(socket))
    server.on('request', (_request, response) => refuseRequest(response))
    // Without these Node asks for the body, keeps the connection after its own answer, or ends it without one.
    server.on('checkContinue', (_request, response) => refuseRequest(response))
    server.on('checkExpectation', (_request, response) => refuseRequest(response))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (isAnswered(socket)) {
        // Node tells of a time-out again and again until the connection is gone.
        socket.destroy()
        return
      }
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') gate.timedOut()
      refuseBroken(socket, error)
    })
    // These two take the connection over, also behind a request that came with them and whose answer ends the connection.
    server.on('connect', (_request, socket) => {
      if (isAnswered(socket)) socket.destroy()
      else refuseConnect(socket)
    })
    server.on('upgrade', (request, socket, head) => {
      if (isAnswered(socket)) socket.destroy()
      else if (handleUpgrade(request, socket, head)) gate.settle(socket as Socket)
    })
  }

  /**
   * Called once.
   *
   * @returns where it listens, with the port that the system chose for 0
   * @throws RingcastError `listen_failed`
   */
  listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options
    return listen(this.#server, {
      what: 'clients',
      host,
      port,
      hostKey: 'host',
      portKey: 'port',
      backlog: BACKLOG,
      onError: error => this.#gate.acceptFailed(error),
    })
  }

  counters(): Record<ServerMetric, number> {
    const { counts, pendingCount } = this.#gate
    return {
      connectionsPending: pendingCount,
      droppedPending: counts.evicted,
      droppedTimeout: counts.timedOut,
      droppedDescriptors: counts.noDescriptor,
      acceptErrors: counts.acceptErrors,
    }
  }

  /** Accepts nobody any more. Safe at any time and twice. */
  stopListening(): void {
    this.#server.close()
  }

  /** Ends what has not become a WebSocket. */
  close(): void {
    this.stopListening()
    this.#gate.close()
  }
}

/** Whether something was sent already. A server without TLS has no streams but sockets. */
function isAnswered(stream: Duplex): boolean {
  return (stream as Socket).bytesWritten > 0
}
