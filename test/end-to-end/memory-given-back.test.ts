/**
 * What the main thread keeps of clients that have left, over real sockets: nothing.
 */
import { afterEach, expect, it } from 'vitest'
import { Recipient } from '../../src/fanout/recipient.js'
import { extent } from '../support/extent.js'
import { AMPLE_WORK, HandlerServer, quote, type TestClient } from '../support/handler-server.js'
import { living } from '../support/living.js'

const WAVES = extent(2, 20)
const CLIENTS = 20
const SYMBOLS = 100

let server: HandlerServer

afterEach(() => server.stop())

/** Comes with symbols and prefixes that no other client names, and changes them. */
async function come(name: string): Promise<TestClient> {
  const names = Array.from({ length: SYMBOLS }, (_, index) => `${name}-${index}`)
  const client = await server.connect(`?symbols=A,${names.join(',')}`)
  const before = client.messages.length
  client.socket.send(JSON.stringify({ type: 'subscribe', id: 1, symbols: names.map(each => `${each}*`) }))
  client.socket.send(JSON.stringify({ type: 'unsubscribe', id: 2, symbols: names }))
  await client.until(() => client.messages.length >= before + 2)
  return client
}

it('the main thread keeps no client, audience or entry of clients that have left', async () => {
  server = await HandlerServer.start(AMPLE_WORK)
  // A client and its listeners hold the recipient, so this counts them, too.
  const before = living(Recipient)
  for (let wave = 0; wave < WAVES; wave++) {
    const clients = await Promise.all(Array.from({ length: CLIENTS }, (_, index) => come(`${wave}-${index}`)))
    server.handler.broadcastTick(quote('A', wave + 1))
    for (const client of clients) await client.until(() => client.ticks.length === 1)
    expect(server.count('subscriptions')).toBe(CLIENTS * (1 + SYMBOLS))
    for (const [index, { socket }] of clients.entries())
      if (index % 2 === 0) socket.close()
      else socket.terminate()
    await server.until(() => server.handler.getClientCount() === 0)
    expect(server.count('subscriptions')).toBe(0)
    expect(server.handler.getMetrics().lanes[0]!.audiences).toBe(0)
  }
  // A closed connection ends in a later turn of the event loop.
  await server.until(() => server.sockets.every(({ closed }) => closed))
  server.sockets.length = 0
  await new Promise(setImmediate)
  expect(living(Recipient)).toEqual(before)
})
