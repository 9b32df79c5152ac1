import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'
import { CommandClient } from '../../bench/attack/command-client.js'
import type { ServerMessage } from '../../src/protocol/messages.js'

it('reads a message whole that is longer than the buffer of its connection', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => server.close())
  await once(server, 'listening')
  const symbols = Array.from({ length: 100_000 }, (_, index) => `SYM${index}`)
  server.on('connection', socket => socket.send(JSON.stringify({ type: 'subscribed', symbols })))
  const { port } = server.address() as AddressInfo
  const message = await new Promise<ServerMessage>((resolve, reject) => {
    CommandClient.connect({ port, query: '', onMessage: resolve }).then(
      ({ connection }) => onTestFinished(() => connection.end()),
      reject,
    )
  })
  expect(message).toEqual({ type: 'subscribed', symbols })
})
