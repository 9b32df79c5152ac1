/**
 * The bound on the entries of all clients together, over real sockets.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { SubscriptionBudget } from '../../src/clients/subscription-budget.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { MAIN_SLOT_COUNT } from '../../src/metrics/metric-table.js'
import { HandlerServer, quote, type TestClient } from '../support/handler-server.js'

let server: HandlerServer

afterEach(() => server?.stop())

const full = (symbol: string) => ({ symbol, code: 'subscriptions_full', message: expect.any(String) })

/** Sends a command and resolves with its reply. */
async function ask(client: TestClient, command: Readonly<Record<string, unknown>>): Promise<unknown> {
  const before = client.messages.length
  client.socket.send(JSON.stringify(command))
  await client.until(() => client.messages.length > before)
  return client.messages[before]
}

describe('the entries of all clients together', () => {
  it('are counted by what they name and what they get', async () => {
    server = await HandlerServer.start()
    const client = await server.connect('?symbols=A,B,BTC*')
    const second = await server.connect('?symbols=*&delivery=latest')
    expect(server.counts('entries')).toEqual({
      entriesSymbolEvery: 2,
      entriesPrefixEvery: 1,
      entriesAllLatest: 1,
    })
    await ask(client, { type: 'subscribe', id: 1, symbols: ['B', 'BTC*', 'ETH*'], delivery: 'latest' })
    await ask(client, { type: 'unsubscribe', id: 2, symbols: ['ETH*', 'X'] })
    expect(server.counts('entries')).toEqual({
      entriesSymbolEvery: 1,
      entriesSymbolLatest: 1,
      entriesPrefixLatest: 1,
      entriesAllLatest: 1,
    })
    for (const each of [client, second]) each.socket.terminate()
    await server.until(() => server.handler.getClientCount() === 0)
    expect(server.counts('entries')).toEqual({})
  })

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

describe('the entries of one address', () => {
  const COUNT_MAX = 120_000
  const counters = (): CounterWriter =>
    new CounterWriter(new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))))

  /** Takes as many entries as an address gets. */
  function takeAll(budget: SubscriptionBudget, address: string | undefined): number {
    const entries = budget.ofAddress(address)
    let taken = 0
    while (entries.tryTake()) taken++
    return taken
  }

  it('are three times what is free at most, so five addresses leave room for others', () => {
    const budget = new SubscriptionBudget(COUNT_MAX, counters())
    const taken = [1, 2, 3, 4, 5].map(address => takeAll(budget, `a${address}`))
    expect(taken).toEqual([90_000, 22_500, 5625, 1406, 351])
    expect(budget.ofAddress('a6').hasRoomFor(88)).toBe(true)
  })

  it('are those of a small client in any case, as long as there are any', () => {
    const budget = new SubscriptionBudget(COUNT_MAX, counters())
    budget.charge(undefined, COUNT_MAX - 80)
    expect(takeAll(budget, 'a')).toBe(60)
    expect(takeAll(budget, 'b')).toBe(20)
    budget.ofAddress('b').giveBack(20)
    expect(takeAll(budget, 'a')).toBe(0)
    expect(budget.ofAddress('a').refusal).toMatch(/^this address has 60 of 120000 /)
    expect(budget.ofAddress('c').hasRoomFor(20)).toBe(true)
    expect(budget.ofAddress('c').hasRoomFor(21)).toBe(false)
  })

  it('are not bounded beyond the bound of all clients where clients have no address', () => {
    const budget = new SubscriptionBudget(5000, counters())
    expect(takeAll(budget, undefined)).toBe(5000)
    expect(budget.ofAddress(undefined).refusal).toMatch(/^all 5000 places /)
  })
})

describe('the symbols that prefixes match', () => {
  it('count as an eighth of an entry each, once for each audience, until it closes', async () => {
    server = await HandlerServer.start({ subscriptionsMax: 31 })
    for (let symbol = 0; symbol < 100; symbol++) server.handler.broadcastTick(quote(`S${symbol}`, 1))
    const first = await server.connect('?symbols=S*')
    const second = await server.connect('?symbols=S*')
    const other = await server.connect('?symbols=S*,X')
    // Four entries, and two audiences of 100 symbols.
    expect((await server.refusal('/ws/ticks?symbols=A,B')).status).toBe(503)
    expect(server.count('subscriptions')).toBe(4)
    expect(await ask(other, { type: 'subscribe', id: 1, symbols: ['Y', 'Z'] })).toMatchObject({
      symbols: ['Y'],
      refused: [full('Z')],
    })
    first.socket.close()
    await server.until(() => server.handler.getClientCount() === 2)
    expect(await ask(other, { type: 'subscribe', id: 2, symbols: ['Z'] })).not.toHaveProperty('refused')
    expect(await ask(other, { type: 'unsubscribe', id: 3, symbols: ['S*'] })).not.toHaveProperty('refused')
    await server.connect('?symbols=A,B,C,D,E,F,G,H')
    second.socket.close()
    await server.until(() => server.handler.getClientCount() === 2)
    expect((await server.connect('?symbols=I,J,K,L,M,N,O,P,Q,R,T,U,V,W')).messages[0]?.type).toBe(
      'subscribed',
    )
  })
})
