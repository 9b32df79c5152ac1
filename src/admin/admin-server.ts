/**
 * Health checks and metrics over HTTP, for orchestrators and scrapers. Main thread.
 * Connections, bytes and time of callers are bounded, and no caller keeps another one out.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../common/clock.js'
import { ConnectionGate } from '../common/connection-gate.js'
import { listen } from '../common/listen.js'
import type { Log } from '../common/log.js'
import { quoteValue } from '../common/quote-value.js'
import { readTarget } from '../common/request-target.js'

/** The state of the gateway. The server asks for it with each request. */
export interface AdminView {
  /** Any JSON value. */
  metrics(): unknown
  /** False: the orchestrator should restart the process. */
  isLive(): boolean
  /** Not ready: the load balancer should send no clients now. Each check is "ok" or says what is wrong. */
  readiness(): { readonly ready: boolean; readonly checks: Readonly<Record<string, string>> }
}

export interface AdminServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly view: AdminView
  /** A request must arrive whole in this time. Default five seconds. */
  readonly requestTimeoutMs?: number
  readonly clock: Clock
  readonly log: Log
}

interface Reply {
  readonly status: number
  readonly body: string
}

function json(status: number, value: unknown): Reply {
  return { status, body: `${JSON.stringify(value)}\n` }
}

/** Balancers that ask less often are not waited for. */
const POLL_MS_MAX = 60_000
const READINESS_PATH = '/readyz'

const ROUTES: ReadonlyMap<string, (view: AdminView) => Reply> = new Map([
  [
    '/livez',
    view => {
      const live = view.isLive()
      return json(live ? 200 : 503, { live })
    },
  ],
  [
    READINESS_PATH,
    view => {
      const { ready, checks } = view.readiness()
      return json(ready ? 200 : 503, { ready, checks })
    },
  ],
  ['/metrics.json', view => json(200, view.metrics())],
])

/** Enough for probes, scrapers and a person. The next connection ends the oldest; a scraper then opens another one. */
export const ADMIN_CONNECTIONS_MAX = 32
const PURPOSE = 'health checks and metrics'
/** A probe sends a few short headers. */
const HEADER_BYTES_MAX = 8192
const REQUEST_TIMEOUT_MS_DEFAULT = 5000
/** Node looks for late requests this often in each request timeout. */
const CHECKS_PER_TIMEOUT = 5
const KEEP_ALIVE_TIMEOUT_MS = 5000

export class AdminServer {
  private readonly options: AdminServerOptions
  private readonly server: Server
  private readonly gate: ConnectionGate
  /** When somebody last asked for the readiness. */
  private polledMs = Number.NEGATIVE_INFINITY
  private opening: Promise<unknown> = Promise.resolve()

  constructor(options: AdminServerOptions) {
    this.options = options
    const { clock, log, requestTimeoutMs = REQUEST_TIMEOUT_MS_DEFAULT } = options
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
    await new Promise<void>(resolve => {
      // The callback gets an error when the server does not listen. Then it is closed already.
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }

  /** Catches every error: otherwise it would end the process. */
  private serve(request: IncomingMessage, response: ServerResponse): void {
    try {
      this.respond(request, response)
    } catch (err) {
      this.options.log.error({ err, target: quoteValue(request.url) }, 'an admin request has failed')
      if (response.headersSent) response.destroy()
      else write(response, json(500, { error: 'internal' }), request.method)
    }
  }

  private respond(request: IncomingMessage, response: ServerResponse): void {
    // The server reads no body, so a request with a body ends the connection.
    if (
      request.headers['content-length'] !== undefined ||
      request.headers['transfer-encoding'] !== undefined
    ) {
      response.setHeader('Connection', 'close')
    }
    write(response, this.replyTo(request, response), request.method)
  }

  private replyTo(request: IncomingMessage, response: ServerResponse): Reply {
    const { path } = readTarget(request.url ?? '')
    if (path === READINESS_PATH) this.polledMs = this.options.clock.nowMs()
    const route = ROUTES.get(path)
    if (route === undefined) return json(404, { error: 'not_found', paths: [...ROUTES.keys()] })
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return json(405, { error: 'method_not_allowed' })
    }
    return route(this.options.view)
  }
}

function write(response: ServerResponse, { status, body }: Reply, method: string | undefined): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  response.end(method === 'HEAD' ? undefined : body)
}
