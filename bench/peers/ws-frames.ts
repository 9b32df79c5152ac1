/**
 * The best that `ws` allows without threads: the ticks of a turn share a message. Its frame is built once, and each
 * client's socket gets the same bytes in one write, as socket.io does it. `ws` has no public way to send a frame that
 * exists already.
 */
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { listen, nodeServer } from './node-server.js'
import { TickTopics } from './tick-topics.js'
import { TopicMembers } from './topic-members.js'
import { wsTextFrame } from './ws-sender.js'

const members = new TopicMembers<Socket>()
const topics = new TickTopics({
  upstream: process.argv[2]!,
  perTick: false,
  publish(topic, message) {
    const frame = Buffer.concat(wsTextFrame(Buffer.from(JSON.stringify(message))))
    for (const socket of members.of(topic)) socket.write(frame)
  },
})

const server = nodeServer()
const webSockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false })
webSockets.on('connection', (webSocket, request) => {
  const its = topics.join(request.url ?? '/')
  const { socket } = request
  members.add(socket, its)
  webSocket.on('close', () => {
    members.remove(socket, its)
    topics.leave(its)
  })
  webSocket.on('error', () => {})
})
listen(server)
