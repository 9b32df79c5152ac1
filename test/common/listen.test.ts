import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { listen } from '../../src/common/listen.js'

it('keeps a server listening when it cannot accept a connection', async () => {
  const server = createServer()
  const told: string[] = []
  await listen(server, {
    what: 'clients',
    host: '127.0.0.1',
    port: 0,
    hostKey: 'host',
    portKey: 'port',
    onError: ({ message }) => told.push(message),
  })
  // This is how node:net reports that accept() found no free file descriptor.
  server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }))
  expect(told).toEqual(['accept EMFILE'])
  expect(server.listening).toBe(true)
  server.close()
  await once(server, 'close')
})
