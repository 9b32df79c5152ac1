/**
 * Sends the overview once a second to those who watch, over WebSockets. Main thread. Without a watcher nothing is
 * computed. Watchers are bounded in number, and one that does not read gets less and is ended. Reason:
 * docs/decisions/0098-the-dashboard-reads-what-is-there.md
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock, Timer } from '../common/clock.js'
import {
  type GuardedWebSocket,
  type GuardedWebSocketServer,
  guardedWebSocketServer,
} from '../common/guarded-web-socket.js'
import type { Log } from '../common/log.js'
import type { Overview } from '../metrics/overview.js'

export interface OverviewWatchDeps {
  readonly overview: () => Promise<Overview | undefined>
  readonly clock: Clock
  readonly log: Log
}

export const WATCHERS_MAX = 8
export const OVERVIEW_SUBPROTOCOL = 'ringcast.overview'
/** A page cannot set headers of a WebSocket. It offers this with the token in base64url. */
const TOKEN_SUBPROTOCOL = 'ringcast.bearer.'
const PERIOD_MS = 1000
/** One that has not read an overview for so many periods is ended. */
const UNREAD_PERIODS_MAX = 10
/** They have nothing to say. */
const MESSAGE_BYTES_MAX = 1024
const CLOSE_TIMEOUT_MS = 2000
/** https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1: the server goes away. */
const GOING_AWAY = 1001

export class OverviewWatch {
  private readonly deps: OverviewWatchDeps
  private readonly server: GuardedWebSocketServer
  /** With the count of periods in which each did not read. */
  private readonly watchers = new Map<GuardedWebSocket, number>()
  private timer: Timer | undefined
  private isAsking = false

  constructor(deps: OverviewWatchDeps) {
    this.deps = deps
    this.server = guardedWebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES_MAX,
      closeTimeout: CLOSE_TIMEOUT_MS,
      handleProtocols: offered => (offered.has(OVERVIEW_SUBPROTOCOL) ? OVERVIEW_SUBPROTOCOL : false),
    })
  }

  get isFull(): boolean {
    return this.watchers.size >= WATCHERS_MAX
  }

  /** @param upgraded called when the connection has become a WebSocket; otherwise the library has refused it */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, upgraded: () => void): void {
    this.server.handleUpgrade(request, socket, head, webSocket => {
      upgraded()
      this.watchers.set(webSocket, 0)
      webSocket.on('error', () => webSocket.terminate())
      webSocket.once('close', () => this.left(webSocket))
      this.timer ??= this.deps.clock.every(PERIOD_MS, () => this.send())
      this.send()
    })
  }

  close(): void {
    for (const watcher of this.watchers.keys()) watcher.close(GOING_AWAY)
  }

  private left(watcher: GuardedWebSocket): void {
    this.watchers.delete(watcher)
    if (this.watchers.size > 0) return
    this.timer?.cancel()
    this.timer = undefined
  }

  private send(): void {
    if (this.isAsking) return
    this.isAsking = true
    void this.deps
      .overview()
      .then(overview => this.sendToAll(JSON.stringify(overview ?? null)))
      .catch((err: unknown) => this.deps.log.error({ err }, 'the overview has failed'))
      .finally(() => {
        this.isAsking = false
      })
  }

  private sendToAll(text: string): void {
    for (const [watcher, unread] of this.watchers) {
      if (watcher.bufferedAmount === 0) {
        this.watchers.set(watcher, 0)
        watcher.send(text)
      } else if (unread + 1 >= UNREAD_PERIODS_MAX) watcher.terminate()
      else this.watchers.set(watcher, unread + 1)
    }
  }
}

/** The header `Authorization` of a request to watch: its own, or what stands among its subprotocols. */
export function watchAuthorization({ headers }: IncomingMessage): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim())
  const encoded = offered.find(name => name.startsWith(TOKEN_SUBPROTOCOL))
  if (encoded === undefined) return headers.authorization
  return `Bearer ${Buffer.from(encoded.slice(TOKEN_SUBPROTOCOL.length), 'base64url').toString()}`
}
