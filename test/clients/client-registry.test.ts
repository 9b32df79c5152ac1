import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { HandlerServer, quote } from '../support/handler-server.js'

let server: HandlerServer

async function start(...args: Parameters<typeof HandlerServer.start>): Promise<void> {
  server = await HandlerServer.start(...args)
}

afterEach(() => server.stop())

/** A close frame of code 1000 as clients send it: masked, with a key of zeros. */
const CLOSE_FRAME = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])

describe('a client', () => {
  it('gets subscribed as its first message, with a name of its own', async () => {
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

  it('gets the ticks of its symbols and no others', async () => {
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

  it('is counted while it is connected', async () => {
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

describe('the end of a client', () => {
  it("is counted as the client's when the client closes the connection", async () => {
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

  it('comes at once at a shutdown when the client has ended its side and reads nothing', async () => {
    // Neither the library nor the client waits for this handshake.
    server = await HandlerServer.startOnUnixSocket({ closeTimeoutMs: 50 })
    const raw = await server.connectRaw()
    raw.pause()
    await server.pushUntilBlocked()
    const socket = server.sockets[0]!
    raw.end()
    await once(socket, 'end')
    await server.handler.shutdown({ timeoutMs: 600_000 })
  })

  it('sends no tick behind the reply to a close frame', async () => {
    await start()
    const raw = await server.connectRaw()
    const chunks: Buffer[] = []
    raw.on('data', chunk => chunks.push(chunk))
    raw.write(CLOSE_FRAME)
    server.handler.broadcastTick(quote('A', 1))
    await once(raw, 'end')
    expect(Buffer.concat(chunks).subarray(-4)).toEqual(Buffer.from([0x88, 2, 0x03, 0xe8]))
  })
})
