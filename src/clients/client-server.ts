/**
 * The HTTP server that clients connect to: passes upgrade requests on and refuses all other requests. Main thread.
 * A connection makes one request and becomes a WebSocket or ends. `ConnectionGate` bounds the connections before that.
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
  /** @returns whether the request is accepted: the handler bounds the connection from then on */
  readonly handleUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean
  /** Most connections that are not yet WebSockets. */
  readonly pendingMax: number
  /** See `ConnectionGateOptions`. */
  readonly reservedFrom?: number
  /** The head of a request must arrive in this time. Default ten seconds. */
  readonly requestTimeoutMs?: number
  readonly clock: Clock
  readonly log: Log
}

/** Connections that wait to be accepted: after an outage, all clients come back at once. The system may allow fewer. */
const BACKLOG = 4096
/** Node's default. The URL of a client may name many symbols. */
const HEADER_BYTES_MAX = 16_384
const REQUEST_TIMEOUT_MS_DEFAULT = 10_000
/** Node looks for late requests this often in each request timeout. */
const CHECKS_PER_TIMEOUT = 10

export class ClientServer {
  private readonly options: ClientServerOptions
  private readonly server: Server
  private readonly gate: ConnectionGate

  constructor(options: ClientServerOptions) {
    this.options = options
    const { clock, handleUpgrade, log, pendingMax, requestTimeoutMs = REQUEST_TIMEOUT_MS_DEFAULT } = options
    const gate = new ConnectionGate({
      what: 'clients',
      pendingMax,
      // Node responds 408 before this. It has no timeout for a refusal that the client does not read.
      timeoutMs: requestTimeoutMs * 2,
      reservedFrom: options.reservedFrom,
      clock,
      log,
    })
    this.gate = gate
    const server = createServer({
      maxHeaderSize: HEADER_BYTES_MAX,
      // For a connection that sends nothing, both count from its start.
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / CHECKS_PER_TIMEOUT,
    })
    this.server = server
    server.on('connection', socket => gate.enter(socket))
    server.on('request', (_request, response) => refuseRequest(response))
    // Without these listeners Node asks for the body, keeps the connection, or ends it without a response.
    server.on('checkContinue', (_request, response) => refuseRequest(response))
    server.on('checkExpectation', (_request, response) => refuseRequest(response))
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      if (hasResponse(socket)) {
        // Node repeats the event of a timeout until the connection is gone.
        socket.destroy()
        return
      }
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') gate.timedOut()
      refuseBroken(socket, error)
    })
    // Both events hand over the connection, also when an earlier request on it has a response that ends it.
    server.on('connect', (_request, socket) => {
      if (hasResponse(socket)) socket.destroy()
      else refuseConnect(socket)
    })
    server.on('upgrade', (request, socket, head) => {
      if (hasResponse(socket)) socket.destroy()
      else if (handleUpgrade(request, socket, head)) gate.settle(socket as Socket)
    })
  }

  /**
   * Called once.
   *
   * @returns the address in use; for port 0, with the port that the system chose
   * @throws RingcastError `listen_failed`
   */
  listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.options
    return listen(this.server, {
      what: 'clients',
      host,
      port,
      hostKey: 'host',
      portKey: 'port',
      backlog: BACKLOG,
      onError: error => this.gate.acceptFailed(error),
    })
  }

  counters(): Record<ServerMetric, number> {
    const { counts, pendingCount } = this.gate
    return {
      connectionsPending: pendingCount,
      droppedPending: counts.evicted,
      droppedTimeout: counts.timedOut,
      droppedDescriptors: counts.noDescriptor,
      acceptErrors: counts.acceptErrors,
    }
  }

  /** Accepts no further connection, and ends every connection that is not a WebSocket. Safe at any time and twice. */
  close(): void {
    this.server.close()
    this.gate.close()
  }
}

/** Whether a response was begun. Every stream of a server without TLS is a socket. */
function hasResponse(stream: Duplex): boolean {
  return (stream as Socket).bytesWritten > 0
}
