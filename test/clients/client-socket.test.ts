import { afterEach, describe, expect, it } from 'vitest'
import { FULL_SIZE, HandlerServer, quote } from '../support/handler-server.js'
import { dial } from '../support/raw-sockets.js'
import { upgradeRequest } from '../support/upgrade-request.js'

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

afterEach(() => server.stop())

/** A frame as clients send it: masked, with a key of zeros. */
function frame(firstByte: number, payload = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([firstByte, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

const TEXT = 0x81
const PING = 0x89

describe('a message of a client', () => {
  it.each([
    ['text', 'subscribe', 'malformed_json', '"subscribe"'],
    ['a long text', 'x'.repeat(1000), 'malformed_json', `"${'x'.repeat(100)}"…`],
    ['nothing', '', 'malformed_json', '""'],
    ['a byte-order mark and a command', '\ufeff{"type":"ping","id":1}', 'malformed_json', '"\\ufeff{'],
    ['deeply nested', '{"id":[[[[1]]]]}', 'malformed_json', 'nested at most 4 levels deep'],
    ['bytes', Buffer.from([0, 255, 1]), 'binary_message', 'must be text'],
  ])('gets an error when it is %s', async (_, message, code, shown) => {
    await start()
    const client = await server.connect()
    client.socket.send(message)
    await client.until(() => client.messages.length === 2)
    expect(client.messages[1]).toEqual({ type: 'error', code, message: expect.stringContaining(shown) })
    server.handler.broadcastTick(quote('A', 1))
    await client.until(() => client.ticks.length === 1)
  })

  it.each([
    ['is longer than it may be', Buffer.alloc(300), 1009],
    ['is no UTF-8', [Buffer.from([0xc3, 0x28])], 1007],
    ['breaks the protocol', undefined, 1002],
  ])('closes the connection of its client, and no other, when it %s', async (_, sent, code) => {
    await start({ maxMessageBytes: 256 })
    const [bad, good] = [await server.connect(), await server.connect()]
    if (Buffer.isBuffer(sent)) bad.socket.send(sent)
    else if (sent !== undefined) bad.socket.send(sent[0]!, { binary: false })
    // A frame with reserved bits, past the library.
    else bad.socket.send('x', { compress: false, fin: true }, () => socketOf(bad.socket).write(frame(0xf1)))
    expect(await bad.untilClosed()).toEqual({ code, reason: '' })
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.counts('disconnect')).toEqual({ disconnectProtocol: 1 })
    server.handler.broadcastTick(quote('A', 1))
    await good.until(() => good.ticks.length === 1)
  })

  it('may name as many symbols of the longest name as a client may have', async () => {
    await start(FULL_SIZE)
    const client = await server.connect('?symbols=A')
    const symbols = Array.from({ length: 999 }, (_, index) => `S${index}`.padEnd(64, '-'))
    client.socket.send(JSON.stringify({ type: 'subscribe', id: 1, symbols }))
    await client.until(() => client.messages.length === 2 || client.closed !== undefined)
    expect(client.messages[1]).toMatchObject({ type: 'subscribed', id: 1, symbols })
  })

  it('may name as many also before its first reply', async () => {
    await start(FULL_SIZE)
    const symbols = Array.from({ length: 1000 }, (_, index) => `SYMBOL${String(index).padStart(8, '0')}`)
    const command = Buffer.from(JSON.stringify({ type: 'subscribe', id: 1, symbols }))
    const head = Buffer.from([TEXT, 0xfe, command.length >> 8, command.length & 255, 0, 0, 0, 0])
    const socket = await dial(server.port)
    let received = Buffer.alloc(0)
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
    })
    // With the request, so that it comes before the reply of a lane.
    socket.write(Buffer.concat([Buffer.from(upgradeRequest('/ws/ticks?symbols=')), head, command]))
    await server.until(() => received.includes('"id":1'))
    expect(received.toString()).toContain(
      '{"type":"subscribed","id":1,"symbols":["SYMBOL00000000","SYMBOL00000001"',
    )
    socket.destroy()
  })

  it('gets a reply while the client reads replies, however many messages come at once', async () => {
    await start({ maxCommandsPerSecond: 1000 })
    const client = await server.connect()
    for (let count = 0; count < 500; count++) {
      client.socket.send('x')
      client.socket.ping()
    }
    await client.until(() => client.messages.length === 501 && client.pongs === 500)
    expect(client.closed).toBeUndefined()
  })

  it.each([
    ['messages', TEXT, Buffer.from('x')],
    ['pings', PING, Buffer.alloc(125)],
  ])('closes a client with 1008 that does not read the replies to its %s', async (_, firstByte, payload) => {
    server = await HandlerServer.startOnUnixSocket({ closeTimeoutMs: 50, maxCommandsPerSecond: 100_000 })
    const other = await server.connect()
    const raw = await server.connectRaw()
    raw.pause()
    const flood = Buffer.concat(Array.from({ length: 500 }, () => frame(firstByte, payload)))
    let peakBytes = 0
    await server.until(() => {
      if (raw.writableLength === 0) raw.write(flood)
      peakBytes = Math.max(peakBytes, server.sockets[1]!.writableLength)
      return server.handler.getClientCount() === 1
    })
    // 64 replies and a close frame, each under 512 bytes.
    expect(peakBytes).toBeLessThan(66 * 512)
    expect(server.counts('disconnect')).toEqual({ disconnectProtocol: 1 })
    server.handler.broadcastTick(quote('A', 1))
    await other.until(() => other.ticks.length === 1)
  })

  it('closes a client with 1008 that reads its replies in the end', async () => {
    server = await HandlerServer.startOnUnixSocket({ closeTimeoutMs: 10_000, maxCommandsPerSecond: 100_000 })
    const client = await server.connect()
    client.socket.pause()
    const before = server.sockets[0]!
    await server.until(() => {
      if (client.socket.bufferedAmount < 65_536)
        for (let count = 0; count < 200; count++) client.socket.send('x')
      return before.writableLength > 0
    })
    for (let count = 0; count < 200; count++) client.socket.send('x')
    client.socket.resume()
    expect(await client.untilClosed()).toEqual({ code: 1008, reason: 'too many requests' })
  })
})

/** The connection under a client's WebSocket. Only a broken client writes to it directly. */
function socketOf(socket: unknown): { write(bytes: Buffer): void } {
  return (socket as { _socket: { write(bytes: Buffer): void } })._socket
}
