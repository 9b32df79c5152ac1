import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { StreamHandler } from '../../src/broadcaster/stream-handler.js'
import { SMALL } from '../support/handler-server.js'
import { upgradeRequest } from '../support/upgrade-request.js'

it('a refused upgrade ends its connection, also when the client reads nothing and another response stands in front', async () => {
  const handler = new StreamHandler({ ...SMALL, closeTimeoutMs: 50 })
  // A server of the library's user. The client leaves more of this response unread than the kernel takes.
  const server = createServer((_request, response) => response.end(Buffer.alloc(32 << 20)))
  let isClient: boolean | undefined
  server.on('upgrade', (request, socket, head) => {
    isClient = handler.handleUpgrade(request, socket, head)
  })
  const accepted = once(server, 'connection')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.pause()
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${upgradeRequest('/nowhere')}`)
  const [socket] = (await accepted) as [Socket]
  await once(socket, 'close')
  expect(isClient).toBe(false)
  client.destroy()
  server.close()
  await handler.shutdown({ timeoutMs: 200 })
})
