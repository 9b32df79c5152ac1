/**
 * A small TCP balancer: asks each gateway if it is ready, and gives each new connection to the next one that is.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { Watched } from './watched.js'

export interface Node {
  readonly port: number
  readonly adminPort: number
}

const POLL_MS = 200

export class Balancer extends Watched {
  /** Connections that no gateway took. */
  refused = 0
  private readonly server: Server
  private readonly nodes: readonly Node[]
  private readonly ready = new Set<Node>()
  private readonly sockets = new Set<Socket>()
  private readonly timer: NodeJS.Timeout
  private turn = 0

  private constructor(nodes: readonly Node[]) {
    super()
    this.nodes = nodes
    this.server = createServer({ pauseOnConnect: true }, socket => void this.balance(socket))
    this.timer = setInterval(() => void this.poll(), POLL_MS)
  }

  static async start(nodes: readonly Node[]): Promise<Balancer> {
    const balancer = new Balancer(nodes)
    balancer.server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
    await once(balancer.server, 'listening')
    return balancer
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** How many gateways new connections are given to. */
  get readyCount(): number {
    return this.ready.size
  }

  isReady(node: Node): boolean {
    return this.ready.has(node)
  }

  stop(): void {
    clearInterval(this.timer)
    this.server.close()
    for (const socket of this.sockets) socket.destroy()
  }

  private async poll(): Promise<void> {
    await Promise.all(
      this.nodes.map(async node => {
        const status = await fetch(`http://127.0.0.1:${node.adminPort}/readyz`).then(
          async response => {
            await response.arrayBuffer()
            return response.status
          },
          () => 0,
        )
        if (status === 200) this.ready.add(node)
        else this.ready.delete(node)
      }),
    )
    this.changed()
  }

  private async balance(client: Socket): Promise<void> {
    this.keep(client)
    const ready = [...this.ready]
    const node = ready[this.turn++ % ready.length]
    if (node === undefined) {
      this.refused++
      client.destroy()
      return
    }
    const gateway = connect(node.port, '127.0.0.1')
    this.keep(gateway)
    gateway.on('error', () => {
      if (gateway.bytesRead === 0) this.refused++
    })
    gateway.once('close', () => client.destroy())
    client.once('close', () => gateway.destroy())
    client.pipe(gateway)
    gateway.pipe(client)
  }

  private keep(socket: Socket): void {
    socket.setNoDelay()
    socket.on('error', () => {})
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
  }
}
