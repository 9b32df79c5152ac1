/**
 * The HTTP server that clients connect to: passes upgrade requests on, and refuses all other requests, except for the
 * files of a page, if it has one. Main thread.
 * A connection makes one request and becomes a WebSocket or ends. `ConnectionGate` bounds the connections before that.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import { ConnectionGate } from '../common/connection-gate.js'
import { listen } from '../common/listen.js'
import type { Log } from '../common/log.js'
import { readTarget } from '../common/request-target.js'
import { connectionUnder } from '../common/socket-handle.js'
import { PAGE_HEADERS, type WebPage } from '../common/web-pages.js'
import type { ServerMetric } from '../metrics/metric-table.js'
import { expectProxyHeaders } from './proxied-connections.js'
import { refuseBroken, refuseConnect, refuseRequest } from './upgrade-refusal.js'

/** Certificates and the key, in PEM. */
export interface TlsServerFiles {
  /** The certificate of the server, and those between it and the authority. */
  readonly cert: Buffer
  readonly key: Buffer
  /** Only clients with a certificate that one of these has signed are served. Undefined: clients need none. */
  readonly clientCa: Buffer | undefined
}

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
  /** Undefined: none is served. */
  readonly page?: WebPage | undefined
  /** Each connection begins with a header of the PROXY protocol, from one of these proxies. Undefined: with none. */
  readonly proxies?: readonly string[] | undefined
  /** Undefined: no TLS. */
  readonly tls?: TlsServerFiles | undefined
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
  private readonly server: Server | TlsServer
  private readonly gate: ConnectionGate
  /** Streams with a response, which ends the connection. */
  private readonly answered = new WeakSet<Duplex>()

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
    const server = serverOf(options.tls, {
      maxHeaderSize: HEADER_BYTES_MAX,
      // For a connection that sends nothing, both count from its start.
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / CHECKS_PER_TIMEOUT,
    })
    this.server = server
    // Under TLS this is the connection below: it is pending from its first byte on.
    const enter = (socket: Socket): unknown => gate.enter(socket)
    if (options.proxies === undefined) server.on('connection', enter)
    else {
      expectProxyHeaders(server, {
        proxies: options.proxies,
        timeoutMs: requestTimeoutMs,
        clock,
        enter,
        refused: () => gate.refused(),
      })
    }
    const refuse = (request: IncomingMessage, response: ServerResponse): void => {
      this.answered.add(request.socket)
      if (!this.serveFile(request, response)) refuseRequest(response)
    }
    server.on('request', refuse)
    // Without these listeners Node asks for the body, keeps the connection, or ends it without a response.
    server.on('checkContinue', refuse)
    server.on('checkExpectation', refuse)
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      // Node repeats the event of a timeout until the connection is gone.
      if (!this.isFirstAnswer(socket)) return
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') gate.timedOut()
      refuseBroken(socket, error)
    })
    // Both events hand over the connection, also when an earlier request on it has a response that ends it.
    server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
      if (this.isFirstAnswer(socket)) refuseConnect(socket)
    })
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (this.isFirstAnswer(socket) && handleUpgrade(request, socket, head))
        gate.settle(connectionUnder(socket))
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

  /** From now on new connections get these. Only of a server that has begun with TLS, and with or without `clientCa` as then. */
  setTls(files: TlsServerFiles): void {
    if ('setSecureContext' in this.server) this.server.setSecureContext(secureContext(files))
  }

  counters(): Omit<Record<ServerMetric, number>, 'refusedFeedUnknown'> {
    const { counts, pendingCount } = this.gate
    return {
      connectionsPending: pendingCount,
      droppedPending: counts.evicted,
      droppedTimeout: counts.timedOut,
      droppedProxy: counts.unproxied,
      droppedDescriptors: counts.noDescriptor,
      acceptErrors: counts.acceptErrors,
    }
  }

  /** Accepts no further connection, and ends every connection that is not a WebSocket. Safe at any time and twice. */
  close(): void {
    this.server.close()
    this.gate.close()
  }

  /** @returns false when the request is for no file of the page */
  private serveFile({ method, url = '' }: IncomingMessage, response: ServerResponse): boolean {
    const file = this.options.page?.get(readTarget(url).path)
    if (file === undefined || (method !== 'GET' && method !== 'HEAD')) return false
    response.writeHead(200, {
      'Content-Type': file.contentType,
      'Content-Length': file.body.length,
      'Cache-Control': 'no-cache',
      Connection: 'close',
      ...PAGE_HEADERS,
    })
    response.end(method === 'HEAD' ? undefined : file.body)
    return true
  }

  /** Whether the stream has no response yet. Otherwise it is ended: nothing follows the response. */
  private isFirstAnswer(socket: Duplex): boolean {
    if (this.answered.has(socket)) {
      socket.destroy()
      return false
    }
    this.answered.add(socket)
    return true
  }
}

/** Neither form of server sends a response of its own to a handshake that fails. */
function serverOf(tls: TlsServerFiles | undefined, http: ServerOptions): Server | TlsServer {
  if (tls === undefined) return createServer(http)
  return createTlsServer({
    ...http,
    ...secureContext(tls),
    handshakeTimeout: http.headersTimeout,
    requestCert: tls.clientCa !== undefined,
    // WebSockets begin with HTTP/1.1, and a client that offers both would choose HTTP/2.
    ALPNProtocols: ['http/1.1'],
  })
}

function secureContext({ cert, clientCa, key }: TlsServerFiles) {
  return { cert, key, minVersion: 'TLSv1.2' as const, ...(clientCa === undefined ? {} : { ca: clientCa }) }
}
