/**
 * The server that a Node developer writes first: each tick becomes JSON once, and is sent with one `ws.send` for each
 * client.
 * Arguments: the feed's address, `--deflate` to compress.
 */
import { type WebSocket, WebSocketServer } from 'ws'
import { listen, nodeServer } from './node-server.js'
import { TickTopics } from './tick-topics.js'
import { TopicMembers } from './topic-members.js'

const members = new TopicMembers<WebSocket>()
const topics = new TickTopics({
  upstream: process.argv[2]!,
  perTick: true,
  publish(topic, message) {
    const text = JSON.stringify(message)
    for (const socket of members.of(topic)) socket.send(text)
  },
})

const server = nodeServer()
const webSockets = new WebSocketServer({
  server,
  perMessageDeflate: process.argv.includes('--deflate') ? { threshold: 0 } : false,
  clientTracking: false,
})
webSockets.on('connection', (socket, request) => {
  const its = topics.join(request.url ?? '/')
  members.add(socket, its)
  socket.on('close', () => {
    members.remove(socket, its)
    topics.leave(its)
  })
  socket.on('error', () => {})
})
listen(server)
