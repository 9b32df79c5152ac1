/** A server of conformance cases whose clients have real connections, on loopback. */
import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  type ConformanceCase,
  type Driver,
  runCase,
  type Server,
  type ServerConnection,
  type SocketClass,
} from '@ringcast/conformance'
import { WebSocket, WebSocketServer } from 'ws'

/** What `ws` and the environment's own class have. */
export type RealSocketClass = new (
  url: string,
  protocols?: string[],
) => InstanceType<SocketClass> & {
  readonly readyState: number
  addEventListener(event: 'open' | 'close', listener: () => void): void
}

const TEXT_FRAME = 0x81

/** Plays a case over real connections. @param showsRefusals as of SocketServer */
export async function playOverSockets(
  conformanceCase: ConformanceCase,
  driver: Driver,
  Base: RealSocketClass,
  showsRefusals: boolean,
): Promise<void> {
  const server = await SocketServer.start(Base, showsRefusals)
  try {
    await runCase(conformanceCase, driver, server)
  } finally {
    await server.stop()
  }
}

/** Whether the case needs a client that sees the response that refuses its connection. */
export function seesRefusal({ steps }: ConformanceCase): boolean {
  return steps.some(({ refuses }) => refuses !== undefined && (refuses as { seen?: boolean }).seen !== false)
}

class SocketConnection implements ServerConnection {
  url = ''
  readonly commands: Record<string, unknown>[] = []
  readonly client: InstanceType<RealSocketClass>
  /** The request of the client has come, or it has ended before. */
  readonly arrived: Promise<unknown>
  private readonly events = new EventEmitter()
  private readonly gone = once(this.events, 'gone')
  private readonly clientOpen: Promise<void>
  private readonly clientClosed: Promise<void>
  private readonly showsRefusals: boolean
  private readonly upgrader = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  private upgrade: { request: IncomingMessage; socket: Duplex; head: Buffer } | undefined
  private peer: WebSocket | undefined
  private isGone = false
  private isEndedHere = false

  /** @param moved is called when something has come */
  constructor(
    client: InstanceType<RealSocketClass>,
    showsRefusals: boolean,
    readonly moved: () => void,
  ) {
    this.client = client
    this.showsRefusals = showsRefusals
    this.clientOpen = new Promise(resolve => client.addEventListener('open', resolve))
    this.clientClosed = new Promise(resolve => client.addEventListener('close', resolve))
    this.arrived = Promise.race([once(this.events, 'arrived'), this.clientClosed])
  }

  get closedByClient(): boolean {
    return this.isGone && !this.isEndedHere
  }

  arrive(request: IncomingMessage, socket: Duplex, head: Buffer, path: string): void {
    this.url = `ws://gateway${path}`
    this.upgrade = { request, socket, head }
    socket.on('error', () => {})
    // The end of a client that has not been accepted is seen only where somebody reads.
    socket.on('end', () => socket.destroy())
    socket.resume()
    socket.on('close', () => {
      this.isGone = true
      this.moved()
      this.events.emit('gone')
    })
    this.moved()
    this.events.emit('arrived')
  }

  /** All that either side has sent has come to the other. */
  async settle(): Promise<void> {
    await this.arrived
    const { client, peer } = this
    if (this.isGone || this.upgrade === undefined) return
    if (client.readyState >= WebSocket.CLOSING) await this.gone
    else if (peer?.readyState === WebSocket.OPEN) {
      const pong = once(peer, 'pong')
      peer.ping()
      await Promise.race([pong, this.gone])
    }
  }

  async accept(): Promise<void> {
    const { head, request, socket } = this.upgrade!
    this.upgrader.handleUpgrade(request, socket, head, peer => {
      this.peer = peer
      peer.on('message', data => {
        this.commands.push(JSON.parse(String(data)) as Record<string, unknown>)
        this.moved()
      })
    })
    await Promise.race([this.clientOpen, this.clientClosed])
  }

  async send(texts: readonly string[]): Promise<void> {
    const { socket } = this.upgrade!
    // They come together, as what a gateway writes at once does.
    socket.cork()
    for (const text of texts) this.peer!.send(text)
    socket.uncork()
    await this.settle()
  }

  async drop(): Promise<void> {
    this.isEndedHere = true
    this.upgrade!.socket.destroy()
    await this.clientClosed
  }

  async cut(text: string): Promise<void> {
    this.isEndedHere = true
    const payload = Buffer.from(text)
    const head = Buffer.from([TEXT_FRAME, 126, payload.length >> 8, payload.length & 0xff])
    this.upgrade!.socket.end(Buffer.concat([head, payload.subarray(0, payload.length >> 1)]))
    await this.clientClosed
  }

  async close(code: number, reason: string): Promise<void> {
    this.isEndedHere = true
    this.peer!.close(code, reason)
    await this.clientClosed
  }

  async refuse(
    status: number,
    headers: Record<string, string>,
    body: string,
    isSeen: boolean,
  ): Promise<void> {
    if (!isSeen && this.showsRefusals) return this.drop()
    this.isEndedHere = true
    const lines = Object.entries({ ...headers, connection: 'close', 'content-length': body.length })
    const head = [`HTTP/1.1 ${status} Refused`, ...lines.map(([name, value]) => `${name}: ${value}`)]
    this.upgrade!.socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
    await this.clientClosed
  }

  end(): void {
    this.upgrade?.socket.destroy()
  }
}

export class SocketServer implements Server {
  readonly connections: ServerConnection[] = []
  current: ServerConnection | undefined
  readonly WebSocket: SocketClass
  private readonly http = createServer()
  private readonly all: SocketConnection[] = []
  private hasMoved = false

  /** @param Base the client's WebSocket @param showsRefusals whether it shows the HTTP response that refuses it */
  static async start(Base: RealSocketClass, showsRefusals: boolean): Promise<SocketServer> {
    const server = new SocketServer(Base, showsRefusals)
    server.http.listen(0, '127.0.0.1')
    await once(server.http, 'listening')
    return server
  }

  private constructor(Base: RealSocketClass, showsRefusals: boolean) {
    const server = this
    this.http.on('upgrade', (request, socket, head) => {
      const [, number, path] = /^\/(\d+)(\/.*)$/.exec(request.url!)!
      const connection = this.all[Number(number)]!
      connection.arrive(request, socket, head, path!)
      this.connections.push(connection)
    })
    this.WebSocket = class extends Base {
      constructor(url: string, protocols?: string[]) {
        const { pathname, search } = new URL(url)
        const { port } = server.http.address() as AddressInfo
        super(`ws://127.0.0.1:${port}/${server.all.length}${pathname}${search}`, protocols)
        server.all.push(
          new SocketConnection(this, showsRefusals, () => {
            server.hasMoved = true
          }),
        )
      }
    }
  }

  async isMoved(): Promise<boolean> {
    for (const connection of this.all) await connection.settle()
    const { hasMoved } = this
    this.hasMoved = false
    return hasMoved
  }

  async stop(): Promise<void> {
    for (const connection of this.all) connection.end()
    this.http.close()
    await once(this.http, 'close')
  }
}
