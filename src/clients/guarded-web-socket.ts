/**
 * The WebSocket library, and a WebSocket whose listeners may throw. Main thread.
 * An error in a listener goes to `onFault`. Otherwise it would pass through the library to the process and end every client.
 */
import { type RawData, type Server, type ServerOptions, WebSocket, WebSocketServer } from 'ws'

export type { RawData }

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
