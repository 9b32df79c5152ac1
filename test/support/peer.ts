/**
 * The other end of a connection over the loopback.
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Watched } from './watched.js'

/** The other end of a connection: keeps what comes, and reads nothing until it is told to. */
export class Peer extends Watched {
  length = 0
  private readonly chunks: Buffer[] = []

  constructor(readonly socket: Socket) {
    super()
    socket.on('error', () => {})
  }

  read(): void {
    this.socket.on('data', chunk => {
      this.length += chunk.length
      this.chunks.push(chunk)
      this.changed()
    })
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  async untilLength(length: number): Promise<void> {
    await this.until(() => this.length >= length)
  }
}

/** Both ends of a new connection. Each of them is to be destroyed. */
export async function connection(): Promise<{ socket: Socket; peer: Peer }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = new Peer(connect((server.address() as AddressInfo).port, '127.0.0.1'))
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  socket.on('error', () => {})
  return { socket, peer }
}

/** Resolves when the socket has closed, after an error or without. */
export const closed = (socket: Socket) => new Promise(resolve => socket.on('close', resolve))
