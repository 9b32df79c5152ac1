/**
 * Health checks and metrics over HTTP, for orchestrators and scrapers. Main thread.
 * Whatever a caller does, it holds few connections, few bytes and for a short time, and keeps no other caller out.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Clock } from '../common/clock.js'
import { ConnectionGate } from '../common/connection-gate.js'
import { listen } from '../common/listen.js'
import type { Log } from '../common/log.js'
import { quoteValue } from '../common/quote-value.js'
import { readTarget } from '../common/request-target.js'

/** What the server tells of; asked anew for each request. */
export interface AdminView {
  /** Anything that JSON can hold. */
  metrics(): unknown
  /** False: restart me. */
  isLive(): boolean
  /** Not ready: send me no clients for now. Each check says "ok" or what is the matter. */
  readiness(): { ready: boolean; checks: Record<string, string> }
}

export interface AdminServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly view: AdminView
  /** For a request to arrive whole. Default five seconds. */
  readonly requestTimeoutMs?: number
  readonly clock: Clock
  readonly log: Log
}

interface Answer {
  readonly status: number
  readonly body: string
}

function json(status: number, value: unknown): Answer {
  return { status, body: `${JSON.stringify(value)}\n` }
}

const ROUTES: ReadonlyMap<string, (view: AdminView) => Answer> = new Map([
  [
    '/livez',
    view => {
      const live = view.isLive()
      return json(live ? 200 : 503, { live })
    },
  ],
  [
    '/readyz',
    view => {
      const { ready, checks } = view.readiness()
      return json(ready ? 200 : 503, { ready, checks })
    },
  ],
  ['/metrics.json', view => json(200, view.metrics())],
])

/** A few probes, a scraper or two and a person. For the next the oldest goes: a scraper whose connection is gone opens another. */
export const ADMIN_CONNECTIONS_MAX = 32
const WHAT = 'health checks and metrics'
/** A probe's request has a handful of short headers. */
const HEADER_BYTES_MAX = 8192
const REQUEST_TIMEOUT_MS_DEFAULT = 5000
/** Of the request time-out: how often it is looked at. */
const CHECKS_PER_TIMEOUT = 5
const KEEP_ALIVE_TIMEOUT_MS = 5000

export class AdminServer {
  readonly #options: AdminServerOptions
  readonly #server: Server
  readonly #gate: ConnectionGate
  #opening: Promise<unknown> = Promise.resolve()

  constructor(options: AdminServerOptions) {
    this.#options = options
    const { clock, log, requestTimeoutMs = REQUEST_TIMEOUT_MS_DEFAULT } = options
    // Nobody here becomes anything else: every connection is pending for as long as it is there.
    this.#gate = new ConnectionGate({ what: WHAT, pendingMax: ADMIN_CONNECTIONS_MAX, clock, log })
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: requestTimeoutMs,
        requestTimeout: requestTimeoutMs,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        connectionsCheckingInterval: requestTimeoutMs / CHECKS_PER_TIMEOUT,
      },
      (request, response) => this.#serve(request, response),
    )
    this.#server.on('connection', socket => this.#gate.enter(socket))
    // Also for a caller that asks and then does not read the answer: the timeouts above end with the request.
    this.#server.setTimeout(requestTimeoutMs * 2)
  }

  /**
   * Called once.
   *
   * @returns where it listens, with the port that the system chose for 0
   * @throws RingcastError `listen_failed`
   */
  listen(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options
    const opening = listen(this.#server, {
      what: WHAT,
      host,
      port,
      hostKey: 'adminHost',
      portKey: 'adminPort',
      onError: error => this.#gate.acceptFailed(error),
    })
    this.#opening = opening.catch(() => undefined)
    return opening
  }

  /** Ends every connection, answered or not. Safe at any time and twice. */
  async close(): Promise<void> {
    await this.#opening
    this.#gate.close()
    await new Promise<void>(resolve => {
      // Calls back with an error where it did not listen, or no longer does: closed is closed.
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  /** What is thrown here would end the process. */
  #serve(request: IncomingMessage, response: ServerResponse): void {
    try {
      this.#respond(request, response)
    } catch (err) {
      this.#options.log.error({ err, target: quoteValue(request.url) }, 'an admin request has failed')
      if (response.headersSent) response.destroy()
      else write(response, json(500, { error: 'internal' }), request.method)
    }
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    // Nobody here reads a body: whoever sends one does not get to keep the connection to go on sending.
    if (
      request.headers['content-length'] !== undefined ||
      request.headers['transfer-encoding'] !== undefined
    ) {
      response.setHeader('Connection', 'close')
    }
    write(response, this.#answer(request, response), request.method)
  }

  #answer(request: IncomingMessage, response: ServerResponse): Answer {
    const route = ROUTES.get(readTarget(request.url ?? '').path)
    if (route === undefined) return json(404, { error: 'not_found', paths: [...ROUTES.keys()] })
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD')
      return json(405, { error: 'method_not_allowed' })
    }
    return route(this.#options.view)
  }
}

function write(response: ServerResponse, { status, body }: Answer, method: string | undefined): void {
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  })
  response.end(method === 'HEAD' ? undefined : body)
}
