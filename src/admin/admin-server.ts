/**
 * Health checks, metrics and clients over HTTP, for orchestrators, scrapers and people. Main thread. What there is
 * stands in admin-routes.ts.
 * Connections, bytes and time of callers are bounded, and no caller keeps another one out.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../common/clock.js'
import { ConnectionGate } from '../common/connection-gate.js'
import { listen } from '../common/listen.js'
import type { Log } from '../common/log.js'
import { quoteValue } from '../common/quote-value.js'
import { readTarget } from '../common/request-target.js'
import { PAGE_HEADERS, type WebPage } from '../common/web-pages.js'
import { AdminGuard, statusOnly } from './admin-guard.js'
import { type AdminReply, errorReply, jsonReply } from './admin-reply.js'
import { ADMIN_ROUTES, type AdminRoute, OVERVIEW_PATH, READINESS_PATH } from './admin-routes.js'
import type { AdminView } from './admin-view.js'
import { OverviewWatch, watchAuthorization } from './overview-watch.js'

export interface AdminServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly view: AdminView
  /** Default: one without a token. */
  readonly guard?: AdminGuard
  /** Default: none. */
  readonly page?: WebPage
  /** A request must arrive whole in this time. Default five seconds. */
  readonly requestTimeoutMs?: number
  readonly clock: Clock
  readonly log: Log
}

/** Balancers that ask less often are not waited for. */
const POLL_MS_MAX = 60_000
/** Enough for probes, scrapers and a person. The next connection ends the oldest; a scraper then opens another one. */
export const ADMIN_CONNECTIONS_MAX = 32
const PURPOSE = 'the admin port'
/** A probe sends a few short headers. */
const HEADER_BYTES_MAX = 8192
const REQUEST_TIMEOUT_MS_DEFAULT = 5000
/** Node looks for late requests this often in each request timeout. */
const CHECKS_PER_TIMEOUT = 5
const KEEP_ALIVE_TIMEOUT_MS = 5000
const FOREIGN_ORIGIN = errorReply(403, 'foreign_origin', 'a page of another origin may not do this')

export class AdminServer {
  private readonly options: AdminServerOptions
  private readonly server: Server
  private readonly gate: ConnectionGate
  private readonly guard: AdminGuard
  /** Undefined: the process has no overview. */
  private readonly watch: OverviewWatch | undefined
  /** When somebody last asked for the readiness. */
  private polledMs = Number.NEGATIVE_INFINITY
  private opening: Promise<unknown> = Promise.resolve()

  constructor(options: AdminServerOptions) {
    this.options = options
    const { clock, log, requestTimeoutMs = REQUEST_TIMEOUT_MS_DEFAULT } = options
    this.guard = options.guard ?? new AdminGuard({ host: options.host, names: [], token: () => undefined })
    // Connections of this server are never settled, so all of them are pending.
    this.gate = new ConnectionGate({ what: PURPOSE, pendingMax: ADMIN_CONNECTIONS_MAX, clock, log })
    this.server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        connectionsCheckingInterval: requestTimeoutMs / CHECKS_PER_TIMEOUT,
      },
      (request, response) => this.serve(request, response),
    )
    const { overview } = options.view
    this.watch = overview && new OverviewWatch({ overview, clock, log })
    this.server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.upgrade(request, socket, head),
    )
    this.server.on('connection', socket => this.gate.enter(socket))
    // The timeouts above end with the request. This one also ends a caller that does not read the response.
    this.server.setTimeout(requestTimeoutMs * 2)
  }

  /**
   * Called once.
   *
   * @returns the address in use; for port 0, with the port that the system chose
   * @throws RingcastError `listen_failed`
   */
  listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.options
    const opening = listen(this.server, {
      what: PURPOSE,
      host,
      port,
      hostKey: 'adminHost',
      portKey: 'adminPort',
      onError: error => this.gate.acceptFailed(error),
    })
    this.opening = opening.catch(() => undefined)
    return opening
  }

  /** Whether something asks, again and again, if the gateway is ready. */
  get isPolled(): boolean {
    return this.options.clock.nowMs() - this.polledMs < POLL_MS_MAX
  }

  /** Ends every connection, also in the middle of a request. Safe at any time and twice. */
  async close(): Promise<void> {
    await this.opening
    this.gate.close()
    this.watch?.close()
    await new Promise<void>(resolve => {
      // The callback gets an error when the server does not listen. Then it is closed already.
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }

  private upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      // Some probes offer HTTP/2 so, and take HTTP/1.1: https://www.rfc-editor.org/rfc/rfc9110#section-7.8
      const response = new ServerResponse(request)
      response.shouldKeepAlive = false
      response.assignSocket(socket)
      response.once('finish', () => socket.end())
      socket.on('error', () => socket.destroy())
      this.serve(request, response)
      return
    }
    const refusal = this.watchRefusal(request)
    if (refusal !== undefined) refuseUpgrade(socket, refusal)
    else this.watch?.upgrade(request, socket, head, () => this.gate.settle(socket))
  }

  /** Why a request to watch is refused; undefined when it is not. */
  private watchRefusal(request: IncomingMessage): AdminReply | undefined {
    const { path } = readTarget(request.url ?? '')
    const verdict = this.guard.judge(path, { ...request.headers, authorization: watchAuthorization(request) })
    if (typeof verdict === 'object') return verdict
    if (path !== OVERVIEW_PATH || this.watch === undefined)
      return errorReply(404, 'not_found', `the only WebSocket of a gateway's admin port is ${OVERVIEW_PATH}`)
    if (isOfForeignPage(request)) return FOREIGN_ORIGIN
    return this.watch.isFull ? errorReply(503, 'too_many_watchers', 'close another dashboard') : undefined
  }

  /** Handles every error: otherwise it would end the process. */
  private serve(request: IncomingMessage, response: ServerResponse): void {
    // The server reads no body, so a request with a body ends the connection.
    if (
      request.headers['content-length'] !== undefined ||
      request.headers['transfer-encoding'] !== undefined
    ) {
      response.setHeader('Connection', 'close')
    }
    void this.replyTo(request, response)
      .catch((err: unknown) => {
        // A query may be secret.
        const { path } = readTarget(request.url ?? '')
        this.options.log.error({ err, path: quoteValue(path) }, 'an admin request has failed')
        return errorReply(500, 'internal')
      })
      .then(reply => write(response, reply, request.method))
  }

  private async replyTo(request: IncomingMessage, response: ServerResponse): Promise<AdminReply> {
    const { path, query } = readTarget(request.url ?? '')
    const file = this.options.page?.get(path)
    if (file !== undefined && (request.method === 'GET' || request.method === 'HEAD'))
      return this.guard.judgePage(request.headers) ?? { ...file, status: 200, headers: PAGE_HEADERS }
    const verdict = this.guard.judge(path, request.headers)
    if (typeof verdict === 'object') {
      if (verdict.status === 401) response.setHeader('WWW-Authenticate', 'Bearer')
      return verdict
    }
    const parameters = new URLSearchParams(query)
    // A balancer asks for the status. Details are for people and programs that look, and nobody need wait for them.
    if (path === READINESS_PATH && !parameters.has('verbose')) this.polledMs = this.options.clock.nowMs()
    const found = routesAt(path)
    if (found.length === 0)
      return jsonReply(404, { error: 'not_found', paths: ADMIN_ROUTES.map(({ path: known }) => known) })
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const route = found.find(candidate => candidate.method === method)
    if (route === undefined) {
      response.setHeader(
        'Allow',
        found.map(({ method: known }) => (known === 'GET' ? 'GET, HEAD' : known)).join(', '),
      )
      return errorReply(405, 'method_not_allowed')
    }
    if (route.method !== 'GET' && isOfForeignPage(request)) return FOREIGN_ORIGIN
    const known = route.parameters ?? []
    const unknown = [...parameters.keys()].find(name => !known.includes(name))
    // Probes and scrapers add parameters of their own to paths that have none.
    if (unknown !== undefined && known.length > 0)
      return errorReply(400, 'unknown_parameter', `unknown parameter: there are ${known.join(', ')}`)
    const reply = await route.reply(this.options.view, {
      query: parameters,
      argument: argumentOf(route, path),
    })
    return verdict === 'status' ? statusOnly(path, reply) : reply
  }
}

function routesAt(path: string): readonly AdminRoute[] {
  return ADMIN_ROUTES.filter(route => {
    const start = argumentStart(route)
    if (start < 0) return route.path === path
    return path.startsWith(route.path.slice(0, start)) && /^[\w-]+$/.test(path.slice(start))
  })
}

function argumentStart({ path }: AdminRoute): number {
  return path.indexOf('<')
}

function argumentOf(route: AdminRoute, path: string): string {
  const start = argumentStart(route)
  return start < 0 ? '' : path.slice(start)
}

/**
 * A browser sends a POST of any page to any address, so a page that an operator looks at could drain the gateway. It
 * names the page's origin: https://fetch.spec.whatwg.org/#origin-header.
 */
function isOfForeignPage({ headers: { host, origin } }: IncomingMessage): boolean {
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`
}

function write(response: ServerResponse, reply: AdminReply, method: string | undefined): void {
  response.writeHead(reply.status, {
    'Content-Type': reply.contentType,
    'Content-Length': Buffer.byteLength(reply.body),
    'Cache-Control': 'no-store',
    ...reply.headers,
  })
  response.end(method === 'HEAD' ? undefined : reply.body)
}

/** Writes a whole response, and ends the connection. */
function refuseUpgrade(socket: Duplex, { body, contentType, status }: AdminReply): void {
  socket.on('error', () => socket.destroy())
  socket.once('finish', () => socket.destroy())
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Type: ${contentType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
