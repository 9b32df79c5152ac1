/**
 * The server that a Node developer writes first: grpc-js gives objects, each tick becomes JSON once, and each client gets a
 * `ws.send`. Same feed, same messages to clients, no threads. Takes the feed's address; prints its own as JSON.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { type WebSocket, WebSocketServer } from 'ws'
import { tickFeedService } from '../../src/feed/tick-feed-service.js'
import { decodeTicks, tickJson } from './protobuf-ticks.js'

const upstream = process.argv[2]!
const clients = new Set<WebSocket>()
let seq = 0

const server = createServer()
const webSockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false })
webSockets.on('connection', socket => {
  clients.add(socket)
  socket.on('close', () => clients.delete(socket))
  socket.on('error', () => {})
})

const { path, requestSerialize } = tickFeedService.StreamBatches
const feed = new Client(upstream, credentials.createInsecure(), {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 200,
})
const everything = { symbols: [], fromPosition: 0 }
const patient = new Metadata({ waitForReady: true })
const call = feed.makeServerStreamRequest(path, requestSerialize, decodeTicks, everything, patient)
call.on('data', (ticks: ReturnType<typeof decodeTicks>) => {
  for (const tick of ticks) {
    seq++
    const text = JSON.stringify({ type: 'ticks', seq, offset: seq, ticks: [tickJson(tick)] })
    for (const socket of clients) socket.send(text)
  }
})
call.on('error', error => {
  process.stderr.write(`${error.message}\n`)
})

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ webSocketUrl: `ws://127.0.0.1:${port}/` })}\n`)
})
