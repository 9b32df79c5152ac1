/** The server of a case, and the WebSocket through which a client reaches it: all in one process, without a network. */

/** A WebSocket as browsers have it, with what `ws` has beyond. */
export class ScriptedSocket {
  binaryType = ''
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null
  onerror: ((event: never) => void) | null = null
  readonly url: string
  readonly commands: Record<string, unknown>[] = []
  /** How the client has closed it. */
  closedByClient = false
  private refusalListener: ((request: unknown, response: unknown) => void) | undefined

  constructor(url: string) {
    this.url = url
  }

  send(data: string): void {
    this.commands.push(JSON.parse(data))
  }

  close(): void {
    this.closedByClient = true
  }

  terminate(): void {
    this.closedByClient = true
  }

  on(_event: 'unexpected-response', listener: (request: unknown, response: unknown) => void): void {
    this.refusalListener = listener
  }

  /** The connection is refused with an HTTP response. @param isSeen whether the client's environment shows it */
  refuse(status: number, headers: Record<string, string>, body: string, isSeen: boolean): void {
    if (!isSeen) {
      this.onclose?.({ code: 1006, reason: '' })
      return
    }
    const listeners = new Map<string, (chunk?: unknown) => void>()
    const response = {
      statusCode: status,
      headers,
      on: (event: string, listener: (chunk?: unknown) => void) => listeners.set(event, listener),
    }
    this.refusalListener?.({ destroy: () => {} }, response)
    listeners.get('data')?.(body)
    listeners.get('end')?.()
  }
}

export class ScriptedServer {
  /** The connections that no step has named yet. */
  readonly connections: ScriptedSocket[] = []
  /** The connection that steps talk of: the last one that was named. */
  current: ScriptedSocket | undefined

  /** The class that a client is given in place of its WebSocket. */
  get WebSocket(): new (
    url: string,
  ) => ScriptedSocket {
    const { connections } = this
    return class extends ScriptedSocket {
      constructor(url: string) {
        super(url)
        connections.push(this)
      }
    }
  }
}
