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

it('falls back to IPv4 on a system without IPv6', async () => {
  const server = createServer()
  const hosts: unknown[] = []
  const listenOf = server.listen.bind(server)
  server.listen = ((options: { host: string; port: number }) => {
    hosts.push(options.host)
    if (options.host === '0.0.0.0') return listenOf(options)
    queueMicrotask(() => server.emit('error', Object.assign(new Error('no IPv6'), { code: 'EAFNOSUPPORT' })))
    return server
  }) as typeof server.listen
  const options = { what: 'clients', port: 0, hostKey: 'host', portKey: 'port', onError: () => {} }
  expect(await listen(server, { ...options, host: '::' })).toMatchObject({ host: '0.0.0.0' })
  expect(hosts).toEqual(['::', '0.0.0.0'])
  expect([server.listenerCount('error'), server.listenerCount('listening')]).toEqual([1, 0])
  server.close()
  await once(server, 'close')
})
