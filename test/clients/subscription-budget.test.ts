/**
 * The bound on the entries of all clients together, over real sockets.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { HandlerServer, quote, type TestClient } from '../support/handler-server.js'

let server: HandlerServer

afterEach(() => server.stop())

const full = (symbol: string) => ({ symbol, code: 'subscriptions_full', message: expect.any(String) })

/** Sends a command and resolves with its reply. */
async function ask(client: TestClient, command: Readonly<Record<string, unknown>>): Promise<unknown> {
  const before = client.messages.length
  client.socket.send(JSON.stringify(command))
  await client.until(() => client.messages.length > before)
  return client.messages[before]
}

describe('the entries of all clients together', () => {
  it('are bounded: further entries of a command are refused, and the client goes on', async () => {
    server = await HandlerServer.start({ subscriptionsMax: 5 })
    await server.connect('?symbols=A,B,C')
    const client = await server.connect('?symbols=A')
    expect(await ask(client, { type: 'subscribe', id: 1, symbols: ['B', 'C', 'D'] })).toMatchObject({
      type: 'subscribed',
      symbols: ['B'],
      refused: [full('C'), full('D')],
    })
    expect([server.count('subscriptions'), server.count('subscriptionsRefused')]).toEqual([5, 2])
    // An entry that exists needs no further one.
    expect(
      await ask(client, { type: 'subscribe', id: 2, symbols: ['B'], delivery: 'latest' }),
    ).not.toHaveProperty('refused')
    server.handler.broadcastTick(quote('A', 1))
    await client.until(() => client.ticks.length === 1)
  })

  it('are bounded: a client whose URL has too many is refused with 503', async () => {
    server = await HandlerServer.start({ subscriptionsMax: 3, retryAfterS: 7 })
    await server.connect('?symbols=A,B')
    expect(await server.refusal('/ws/ticks?symbols=C,D')).toMatchObject({
      status: 503,
      headers: { 'retry-after': expect.stringMatching(/^([7-9]|1[0-4])$/) },
      body: { type: 'error', code: 'subscriptions_full' },
    })
    expect(server.counts('refused')).toEqual({ refusedSubscriptions: 1 })
    await server.connect('?symbols=C')
    expect(server.count('subscriptions')).toBe(3)
  })

  it('become free when a client unsubscribes', async () => {
    server = await HandlerServer.start({ subscriptionsMax: 2 })
    const client = await server.connect('?symbols=A,B')
    expect(await ask(client, { type: 'subscribe', id: 1, symbols: ['C'] })).toMatchObject({
      refused: [full('C')],
    })
    await ask(client, { type: 'unsubscribe', id: 2, symbols: ['A', 'A', 'NONE'] })
    expect(server.count('subscriptions')).toBe(1)
    expect(await ask(client, { type: 'subscribe', id: 3, symbols: ['C'] })).not.toHaveProperty('refused')
  })

  it('become free when clients leave, in any way', async () => {
    server = await HandlerServer.start({ subscriptionsMax: 200, maxSymbolsPerClient: 3 })
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(
        Array.from({ length: 20 }, (_, index) => server.connect(`?symbols=A${index},B*`)),
      )
      for (const client of clients)
        await ask(client, { type: 'subscribe', id: 1, symbols: ['X', 'Y', 'Z', '', 'X'] })
      expect(server.count('subscriptions')).toBe(60)
      for (const [index, { socket }] of clients.entries()) {
        if (index % 3 === 0) socket.terminate()
        else if (index % 3 === 1) socket.close()
        else socket.send(Buffer.alloc(100_000))
      }
      await server.until(() => server.handler.getClientCount() === 0)
      expect(server.count('subscriptions')).toBe(0)
    }
  })
})
