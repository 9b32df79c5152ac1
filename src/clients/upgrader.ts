/**
 * Makes WebSockets of connections. Main thread.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { TIMER_MS_MAX } from '../common/clock.js'
import {
  type GuardedWebSocket,
  type GuardedWebSocketServer,
  guardedWebSocketServer,
} from '../common/guarded-web-socket.js'
import type { HandlerOptions } from '../config/config.js'
import {
  acceptableOffers,
  negotiatedWindowBits,
  PER_MESSAGE_DEFLATE,
} from '../protocol/deflate-negotiation.js'
import { chooseSubprotocol } from './upgrade-request.js'

/** Bounds the frames of one message: an empty frame costs as much as a message and does not count as one. */
const FRAGMENTS_MAX = 64

export interface UpgraderDeps {
  readonly settings: HandlerOptions
  /** The library refuses a handshake, and says why. */
  readonly refused: (socket: Duplex, message: string) => void
}

export class Upgrader {
  private readonly server: GuardedWebSocketServer

  constructor({ refused, settings }: UpgraderDeps) {
    const { compression, maxMessageBytes } = settings
    this.server = guardedWebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: compression && PER_MESSAGE_DEFLATE,
      maxPayload: maxMessageBytes,
      maxFragments: FRAGMENTS_MAX,
      // The heartbeat times close handshakes. The library would count time in which the thread could read nothing.
      closeTimeout: TIMER_MS_MAX,
      // Pongs are replies: they are bounded, and the client is told when it sends too many pings.
      autoPong: false,
      handleProtocols: (offered: Set<string>) => chooseSubprotocol(offered) ?? false,
    })
    this.server.on('wsClientError', ({ message }, socket) => refused(socket, message))
  }

  /**
   * @param compression false: offers of it are declined
   * @param done called before this returns, unless the library refuses the handshake
   * @returns false when the library has refused it
   */
  upgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    compression: boolean,
    done: (webSocket: GuardedWebSocket, windowBits: number) => void,
  ): boolean {
    const { headers } = request
    const offers = headers['sec-websocket-extensions']
    if (!compression) delete headers['sec-websocket-extensions']
    else if (offers !== undefined) headers['sec-websocket-extensions'] = acceptableOffers(offers)
    let isUpgraded = false
    let windowBits = 0
    const readHeaders = (lines: string[]): void => {
      windowBits = negotiatedWindowBits(lines)
    }
    // The library writes the headers and calls back before it returns, or refuses.
    this.server.on('headers', readHeaders)
    try {
      this.server.handleUpgrade(request, socket, head, webSocket => {
        isUpgraded = true
        done(webSocket, windowBits)
      })
    } finally {
      this.server.off('headers', readHeaders)
    }
    return isUpgraded
  }
}
