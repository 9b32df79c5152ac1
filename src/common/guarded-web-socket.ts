/**
 * The WebSocket library, and a WebSocket whose listeners may throw. Main thread.
 * An error in a listener goes to `onFault`. Otherwise it would pass through the library to the process and end every
 * client.
 */
import {
  type ClientOptions,
  type RawData,
  type Server,
  type ServerOptions,
  WebSocket,
  WebSocketServer,
} from 'ws'

export type { RawData }

/** A compressed message, or a fragment of one, that is about to be inflated. Exactly one of the two is called. */
export interface Inflation {
  run(): void
  /** The message becomes empty. */
  skip(): void
}

/**
 * The part of the library's extension that is not documented: it calls `decompress` for each compressed frame, in turn.
 */
interface PerMessageDeflate {
  decompress(data: Buffer, isFinal: boolean, callback: (error: Error | null, data?: Buffer) => void): void
}

interface Internals {
  readonly _extensions: { readonly 'permessage-deflate'?: PerMessageDeflate }
}

const EMPTY = Buffer.alloc(0)

export class GuardedWebSocket extends WebSocket {
  /** Gets every error that a listener throws. */
  onFault: (error: unknown) => void = () => this.terminate()

  /** Does work for this client. An error ends this client only. */
  guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.onFault(error)
    }
  }

  /** Lets `control` decide when a compressed message is inflated. The library reads no further message meanwhile. */
  controlInflation(control: (inflation: Inflation) => void): void {
    const deflate = (this as unknown as Internals)._extensions['permessage-deflate']
    if (deflate === undefined) return
    const decompress = deflate.decompress.bind(deflate)
    deflate.decompress = (data, isFinal, callback) =>
      control({
        run: () => decompress(data, isFinal, callback),
        // The library does not expect an answer before `decompress` returns.
        skip: () => queueMicrotask(() => callback(null, EMPTY)),
      })
  }

  override emit(event: string | symbol, ...parameters: unknown[]): boolean {
    let hasListeners = true
    this.guard(() => {
      hasListeners = super.emit(event, ...parameters)
    })
    return hasListeners
  }
}

export type GuardedWebSocketServer = Server<typeof GuardedWebSocket>

export interface GuardedWebSocketServerOptions extends Omit<ServerOptions, 'WebSocket'> {
  /** How long a close handshake may take. The types of the library lack this option. */
  readonly closeTimeout: number
}

export function guardedWebSocketServer(options: GuardedWebSocketServerOptions): GuardedWebSocketServer {
  return new WebSocketServer({ ...options, WebSocket: GuardedWebSocket })
}

export type ClientWebSocket = WebSocket

/** The class of WebSockets that connect to a gateway, as our client library takes it. */
export function clientWebSocket(
  options: Pick<ClientOptions, 'ca' | 'headers'>,
): new (
  url: string,
  protocols?: string[],
) => ClientWebSocket {
  return class extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols, { ...options, perMessageDeflate: false })
    }
  }
}
