import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { HandlerServer, quote } from '../support/handler-server.js'

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

afterEach(() => server.stop())

/** An empty frame, or one of zeros, as clients send them: masked, with a key of zeros. */
function frame(firstByte: number, payload = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([firstByte, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

const TEXT = 0x81
const CLOSE = 0x88
const PING = 0x89

describe('a client', () => {
  it('is told first that it is subscribed, under a name that no other has', async () => {
    await start()
    const clients = await Promise.all(Array.from({ length: 20 }, () => server.connect()))
    server.handler.broadcastTick(quote('A', 1))
    for (const client of clients) await client.until(() => client.messages.length === 2)
    const names = clients.map(({ messages }) =>
      messages[0]?.type === 'subscribed' ? messages[0].client : '',
    )
    expect(new Set(names).size).toBe(20)
    expect(names.every(name => name.startsWith(`${server.handler.epoch}-`))).toBe(true)
    expect(clients[0]!.messages).toMatchObject([
      { type: 'subscribed', symbols: ['*'], offset: 0, seq: 0, delivery: 'every', batch: true },
      { type: 'ticks', seq: 1, offset: 1, ticks: [{ symbol: 'A', sequence: 1 }] },
    ])
  })

  it('gets the ticks of the symbols it named and no others', async () => {
    await start()
    const some = await server.connect('?symbols=C,A')
    const all = await server.connect()
    for (const symbol of ['A', 'B', 'C', 'D']) server.handler.broadcastTick(quote(symbol, 1))
    await all.until(() => all.ticks.length === 4)
    await some.until(() => some.ticks.length === 2)
    expect(some.messages[0]).toMatchObject({ symbols: ['A', 'C'] })
    expect(some.ticks).toEqual(['A1', 'C1'])
  })

  it('gets each tick in a message of its own with batch=false', async () => {
    await start()
    const client = await server.connect('?batch=false')
    for (let sequence = 1; sequence <= 50; sequence++) server.handler.broadcastTick(quote('A', sequence))
    await client.until(() => client.ticks.length === 50)
    expect(client.messages[0]).toMatchObject({ batch: false })
    expect(client.messages).toHaveLength(51)
    expect(client.messages.at(-1)).toMatchObject({ seq: 50, offset: 50 })
  })

  it('gets the subprotocol it offers, and none when it offers none', async () => {
    await start()
    expect((await server.connect()).socket.protocol).toBe('')
    const offers = ['other', 'ringcast.v1.json']
    expect((await server.connect('', {}, offers)).socket.protocol).toBe('ringcast.v1.json')
  })

  it('is counted while it is there', async () => {
    await start()
    const clients = await Promise.all([server.connect(), server.connect()])
    expect(server.handler.getClientCount()).toBe(2)
    expect([server.count('connections'), server.count('connectionsActive')]).toEqual([2, 2])
    clients[0]!.socket.close()
    await server.until(() => server.handler.getClientCount() === 1)
    expect([server.count('connections'), server.count('connectionsActive')]).toEqual([2, 1])
    expect(server.counts('disconnect')).toEqual({ disconnectClient: 1 })
  })
})

describe('a request', () => {
  it('beyond the last place is refused with 503 and Retry-After, until somebody leaves', async () => {
    await start({ maxClients: 2, retryAfterS: 7 })
    const first = await server.connect()
    await server.connect()
    expect(await server.refusal('/ws/ticks')).toMatchObject({
      status: 503,
      headers: { 'retry-after': '7', connection: 'close', 'content-type': 'application/json' },
      body: { type: 'error', code: 'limit', message: 'all 2 places are taken: try again later' },
    })
    expect(server.counts('refused')).toEqual({ refusedLimit: 1 })
    expect(server.handler.getClientCount()).toBe(2)
    first.socket.close()
    await server.until(() => server.handler.getClientCount() === 1)
    await server.connect()
    expect(server.handler.getClientCount()).toBe(2)
    expect(server.count('connections')).toBe(3)
  })

  it('for another path is refused with 404', async () => {
    await start()
    const { status, headers, body } = await server.refusal('/ws/tock')
    expect(status).toBe(404)
    expect(headers['retry-after']).toBeUndefined()
    expect(body).toMatchObject({ type: 'error', code: 'unknown_path' })
    expect(server.counts('refused')).toEqual({ refusedPath: 1 })
  })

  it.each([
    ['an unknown parameter', '/ws/ticks?symbol=A', {}, 'GET', 'unknown_parameter'],
    ['an unknown subprotocol', '/ws/ticks', { 'Sec-WebSocket-Protocol': 'x' }, 'GET', 'unknown_subprotocol'],
    ['another protocol', '/ws/ticks', { Upgrade: 'h2c' }, 'GET', 'bad_handshake'],
    ['another version', '/ws/ticks', { 'Sec-WebSocket-Version': '12' }, 'GET', 'bad_handshake'],
    ['no proper key', '/ws/ticks', { 'Sec-WebSocket-Key': 'x' }, 'GET', 'bad_handshake'],
    ['another method', '/ws/ticks', {}, 'PUT', 'bad_handshake'],
    [
      'broken subprotocols',
      '/ws/ticks',
      { 'Sec-WebSocket-Protocol': 'ringcast.v1.json,,' },
      'GET',
      'bad_handshake',
    ],
  ])('with %s is refused with 400 and counted', async (_, target, headers, method, code) => {
    await start()
    const { status, headers: answered, body } = await server.refusal(target, headers, method)
    expect(status).toBe(400)
    expect(body).toEqual({ type: 'error', code, message: expect.any(String) })
    expect(answered['sec-websocket-version']).toBe(code === 'bad_handshake' ? '13, 8' : undefined)
    expect(server.counts('refused')).toEqual({ refusedRequest: 1 })
    expect(server.counts('connections')).toEqual({})
  })

  it('whose sender is gone before the answer does no harm', async () => {
    await start()
    const raw = await server.connectRaw('/nowhere')
    raw.resetAndDestroy()
    await server.connect()
    expect(server.handler.getClientCount()).toBe(1)
  })
})

describe('what a client sends', () => {
  it.each([
    ['text', 'subscribe', 'malformed_json', '"subscribe"'],
    ['a long text', 'x'.repeat(1000), 'malformed_json', `"${'x'.repeat(100)}"…`],
    ['nothing', '', 'malformed_json', '""'],
    ['a byte-order mark and a command', '\ufeff{"type":"ping","id":1}', 'malformed_json', '"\\ufeff{'],
    ['deeply nested', '{"id":[[[[1]]]]}', 'malformed_json', 'nested at most 4 levels deep'],
    ['bytes', Buffer.from([0, 255, 1]), 'binary_message', 'must be text'],
  ])('is answered with an error when it is %s', async (_, message, code, shown) => {
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
  ])('closes only its own connection when it %s', async (_, sent, code) => {
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

  it('is answered as long as the answers are taken, however many come at once', async () => {
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
  ])('closes it with 1008 when it does not take the answers to its %s', async (_, firstByte, payload) => {
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
    // 64 answers and a close frame, each under 512 bytes.
    expect(peakBytes).toBeLessThan(66 * 512)
    expect(server.counts('disconnect')).toEqual({ disconnectProtocol: 1 })
    server.handler.broadcastTick(quote('A', 1))
    await other.until(() => other.ticks.length === 1)
  })

  it('is told the code 1008 when it reads in the end', async () => {
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

describe('the end of a connection', () => {
  it('is counted as its own when the client closes it', async () => {
    await start()
    const client = await server.connect()
    client.socket.close(1000, 'bye')
    expect(await client.untilClosed()).toEqual({ code: 1000, reason: 'bye' })
    await server.until(() => server.handler.getClientCount() === 0)
    expect(server.counts('disconnect')).toEqual({ disconnectClient: 1 })
    expect(server.handler.getMetrics().lanes[0]!.audiences).toBe(0)
  })

  it.each(['reset', 'end'])('leaves nothing behind when it comes without a close frame (%s)', async way => {
    await start()
    const other = await server.connect()
    const raw = await server.connectRaw()
    await server.until(() => server.handler.getClientCount() === 2)
    if (way === 'reset') raw.resetAndDestroy()
    else raw.end()
    raw.resume()
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.counts('disconnect')).toEqual({ disconnectClient: 1 })
    server.handler.broadcastTick(quote('A', 1))
    await other.until(() => other.ticks.length === 1)
    expect(server.count('broadcastErrors')).toBe(0)
  })

  it('leaves nothing behind when it comes with writes in flight', async () => {
    await start()
    const raw = await server.connectRaw()
    raw.pause()
    await server.pushUntilBlocked()
    raw.resetAndDestroy()
    await server.until(() => server.handler.getClientCount() === 0)
    expect(server.counts('disconnect')).toEqual({ disconnectClient: 1 })
    await server.handler.shutdown()
  })

  it('comes at once at a shutdown for one that has ended its side and reads nothing', async () => {
    // Nobody waits for this handshake: neither the library nor the client.
    server = await HandlerServer.startOnUnixSocket({ closeTimeoutMs: 50 })
    const raw = await server.connectRaw()
    raw.pause()
    await server.pushUntilBlocked()
    const socket = server.sockets[0]!
    raw.end()
    await once(socket, 'end')
    await server.handler.shutdown({ timeoutMs: 600_000 })
  })

  it('answers a close frame with no tick behind the answer', async () => {
    await start()
    const raw = await server.connectRaw()
    const chunks: Buffer[] = []
    raw.on('data', chunk => chunks.push(chunk))
    raw.write(frame(CLOSE, Buffer.from([0x03, 0xe8])))
    server.handler.broadcastTick(quote('A', 1))
    await once(raw, 'end')
    expect(Buffer.concat(chunks).subarray(-4)).toEqual(Buffer.from([CLOSE, 2, 0x03, 0xe8]))
  })
})

/** The connection under a client's WebSocket: only a broken client writes to it by itself. */
function socketOf(socket: unknown): { write(bytes: Buffer): void } {
  return (socket as { _socket: { write(bytes: Buffer): void } })._socket
}
