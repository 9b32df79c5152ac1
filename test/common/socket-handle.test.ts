/**
 * What is read from Node's own objects: over real connections, since Node documents none of it.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Duplex, PassThrough } from 'node:stream'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import {
  bytesHandedTo,
  bytesQueuedIn,
  descriptorOf,
  inodeOf,
  NO_DESCRIPTOR,
  NO_INODE,
} from '../../src/common/socket-handle.js'
import { until } from '../support/until.js'

/** More than the kernel keeps for a connection whose peer does not read. */
const MORE_THAN_KERNEL = Buffer.alloc(64 << 20)

/** A key that both sides know takes the place of certificates. */
const KEY = Buffer.alloc(16, 7)
const TLS = { ciphers: 'PSK-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' } as const
const TLS_SERVER = { ...TLS, pskCallback: () => KEY }
const TLS_CLIENT = { ...TLS, pskCallback: () => ({ psk: KEY, identity: 'peer' }), rejectUnauthorized: false }

const opened: { destroy(): unknown }[] = []

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy()
})

interface Ends {
  readonly socket: Socket
  readonly peer: Socket
}

async function tcp(): Promise<Ends> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  return keep(server, socket, peer)
}

async function unix(): Promise<Ends> {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-'))
  const server = createServer()
  server.listen(join(folder, 'socket'))
  await once(server, 'listening')
  const peer = connect(join(folder, 'socket'))
  const [socket] = (await once(server, 'connection')) as [Socket]
  rmSync(folder, { recursive: true })
  return keep(server, socket, peer)
}

async function tls(): Promise<Ends> {
  const server = createTlsServer(TLS_SERVER)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = connectTls({ port: (server.address() as AddressInfo).port, ...TLS_CLIENT })
  const [socket] = (await once(server, 'secureConnection')) as [TLSSocket]
  return keep(server, socket, peer)
}

function keep(server: { close(): unknown }, socket: Socket, peer: Socket): Ends {
  server.close()
  for (const end of [socket, peer]) {
    end.on('error', () => {})
    opened.push(end)
  }
  return { socket, peer }
}

describe('the descriptor', () => {
  it('is known of a connection, until it is closed', async () => {
    const { socket } = await tcp()
    expect(descriptorOf(socket)).toBeGreaterThan(2)
    socket.destroy()
    expect(descriptorOf(socket)).toBe(NO_DESCRIPTOR)
  })

  it('is of no use for TLS, whose bytes do not go out as they are', async () => {
    const { socket } = await tls()
    expect(descriptorOf(socket)).toBe(NO_DESCRIPTOR)
  })

  it.each([
    ['a stream that is no socket', new PassThrough()],
    ['a socket that is not connected', new Socket()],
    ['a socket that somebody has made more of', new (class extends Socket {})()],
  ])('is not there: %s', (_, stream) => {
    expect(descriptorOf(stream)).toBe(NO_DESCRIPTOR)
  })
})

describe('the bytes that the kernel has taken', () => {
  const takenFrom = (stream: Duplex) => bytesHandedTo(stream) - bytesQueuedIn(stream)

  it.each([
    ['TCP', tcp],
    ['a Unix socket', unix],
    ['TLS', tls],
  ])('are known of %s while it holds others', async (_, open) => {
    const { socket, peer } = await open()
    peer.pause()
    const before = takenFrom(socket)
    socket.write(MORE_THAN_KERNEL)
    await until(() => takenFrom(socket) !== before)
    const blockedAt = takenFrom(socket)
    expect(blockedAt).toBeLessThan(MORE_THAN_KERNEL.length)
    // It asks for more long before it has been given all, which is all that the stream tells.
    peer.resume()
    await until(() => takenFrom(socket) !== blockedAt)
    expect(takenFrom(socket)).toBeGreaterThan(blockedAt)
    expect(socket.writableLength).toBe(MORE_THAN_KERNEL.length)
  })

  it('are told by what it holds of a stream that is no connection', async () => {
    const stream = new PassThrough({ highWaterMark: 1 })
    opened.push(stream)
    stream.write(Buffer.alloc(100))
    stream.write(Buffer.alloc(200))
    const before = takenFrom(stream)
    stream.read(100)
    await new Promise(setImmediate)
    expect(takenFrom(stream)).toBeGreaterThan(before)
  })
})

describe('the inode', () => {
  it.each([
    ['TCP', tcp],
    ['a Unix socket', unix],
    ['TLS', tls],
  ])('tells connections of %s apart', async (_, open) => {
    const [one, other] = [await open(), await open()]
    expect(inodeOf(one.socket)).toBeGreaterThan(0)
    expect(inodeOf(one.socket)).not.toBe(inodeOf(other.socket))
    one.socket.destroy()
    expect(inodeOf(one.socket)).toBe(NO_INODE)
  })

  it('is not there of a stream that is no connection', () => {
    expect(inodeOf(new PassThrough())).toBe(NO_INODE)
  })
})
