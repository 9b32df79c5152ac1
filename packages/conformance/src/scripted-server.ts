/** The server of a case without a network: a WebSocket in the same process, whose events come at once. */
import type { Server, ServerConnection, SocketClass } from './server.js'

type Listener = (chunk?: unknown) => void

/** The client's side: a WebSocket as browsers have it, with what `ws` has beyond. */
class ScriptedSocket {
  binaryType = ''
  onopen: ((event?: unknown) => void) | null = null
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null
  onerror: ((event?: unknown) => void) | null = null
  readonly commands: Record<string, unknown>[] = []
  hasClosed = false
  private _refusalListener: ((request: unknown, response: unknown) => void) | undefined

  get refusalListener(): ((request: unknown, response: unknown) => void) | undefined {
    return this._refusalListener
  }

  send(data: string): void {
    this.commands.push(JSON.parse(data) as Record<string, unknown>)
  }

  close(): void {
    this.hasClosed = true
  }

  terminate(): void {
    this.hasClosed = true
  }

  on(_event: 'unexpected-response', listener: (request: unknown, response: unknown) => void): void {
    this._refusalListener = listener
  }
}

class ScriptedConnection implements ServerConnection {
  readonly url: string
  private readonly socket: ScriptedSocket

  constructor(url: string, socket: ScriptedSocket) {
    this.url = url
    this.socket = socket
  }

  get commands(): Record<string, unknown>[] {
    return this.socket.commands
  }

  get closedByClient(): boolean {
    return this.socket.hasClosed
  }

  async accept(): Promise<void> {
    this.socket.onopen?.()
  }

  async send(texts: readonly string[]): Promise<void> {
    for (const data of texts) this.socket.onmessage?.({ data })
  }

  async drop(): Promise<void> {
    this.socket.onclose?.({ code: 1006, reason: '' })
  }

  async cut(): Promise<void> {
    await this.drop()
  }

  async close(code: number, reason: string): Promise<void> {
    this.socket.onclose?.({ code, reason })
  }

  async refuse(
    status: number,
    headers: Record<string, string>,
    body: string,
    isSeen: boolean,
  ): Promise<void> {
    if (!isSeen) return this.drop()
    const listeners = new Map<string, Listener>()
    const response = {
      statusCode: status,
      headers,
      on: (event: string, listener: Listener) => listeners.set(event, listener),
    }
    this.socket.refusalListener?.({ destroy: () => {} }, response)
    listeners.get('data')?.(body)
    listeners.get('end')?.()
  }
}

export class ScriptedServer implements Server {
  readonly connections: ServerConnection[] = []
  current: ServerConnection | undefined
  readonly WebSocket: SocketClass

  constructor() {
    const { connections } = this
    this.WebSocket = class extends ScriptedSocket {
      constructor(url: string) {
        super()
        connections.push(new ScriptedConnection(url, this))
      }
    }
  }

  async isMoved(): Promise<boolean> {
    return false
  }
}
