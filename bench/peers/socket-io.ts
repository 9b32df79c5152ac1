/**
 * socket.io, a popular library. A topic is a room. The ticks of a turn share an event, which the library encodes and
 * frames once.
 * Arguments: the feed's address, `--deflate` to compress.
 */

import { listen, nodeServer } from './node-server.js'
import { peerPackage } from './peer-package.js'
import { TickTopics } from './tick-topics.js'

interface IoSocket {
  readonly handshake: { readonly url: string }
  join(rooms: readonly string[]): void
  on(event: 'disconnect', listener: () => void): void
}

interface Io {
  on(event: 'connection', listener: (socket: IoSocket) => void): void
  to(room: string): { emit(event: string, message: object): void }
}

interface IoOptions {
  readonly transports: readonly string[]
  readonly serveClient: boolean
  readonly perMessageDeflate: false | { readonly threshold: number }
}

const { Server } = peerPackage<{ Server: new (server: object, options: IoOptions) => Io }>('socket.io')
const server = nodeServer()
const io = new Server(server, {
  transports: ['websocket'],
  serveClient: false,
  perMessageDeflate: process.argv.includes('--deflate') ? { threshold: 0 } : false,
})
const topics = new TickTopics({
  upstream: process.argv[2]!,
  perTick: false,
  publish: (topic, message) => io.to(topic).emit('ticks', message),
})
io.on('connection', socket => {
  const its = topics.join(socket.handshake.url)
  socket.join(its)
  socket.on('disconnect', () => topics.leave(its))
})
listen(server)
