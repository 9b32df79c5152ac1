/**
 * Many clients of few entitlements cost a lane what few audiences cost.
 */
import { afterEach, expect, it } from 'vitest'
import { AMPLE_WORK, FULL_SIZE, HandlerServer, quote, type TestClient } from '../support/handler-server.js'
import { sequences } from '../support/ticks.js'

const ENTITLEMENTS = 10
const CLIENTS = 100
const AT_ONCE = 100
const TICKS = 200

let server: HandlerServer

afterEach(() => server.stop())

/** Sends ticks of a symbol of each entitlement in turn, one message each, until all have come. @returns bytes of frames for each tick */
async function frameBytesPerTick(clients: readonly TestClient[]): Promise<number> {
  const before = server.countOfLane('framesBytes')
  const counts = clients.map(client => client.ticks.length)
  for (const sequence of sequences(1, TICKS)) {
    for (let entitlement = 0; entitlement < ENTITLEMENTS; entitlement++)
      while (!server.handler.broadcastTick(quote(`S${entitlement}-A`, sequence)))
        await new Promise(setImmediate)
    const [first] = clients
    await first!.until(() => first!.ticks.length >= counts[0]! + sequence)
  }
  for (const [index, client] of clients.entries())
    await client.until(() => client.ticks.length === counts[index]! + TICKS)
  return (server.countOfLane('framesBytes') - before) / (TICKS * ENTITLEMENTS)
}

it(`${CLIENTS} clients of ten entitlements are ten audiences, whose bytes the lane writes once`, async () => {
  server = await HandlerServer.start(
    { ...FULL_SIZE, ...AMPLE_WORK, maxClients: CLIENTS },
    {
      authenticate: ({ token }) => ({ user: `user of ${token}`, symbols: [`S${token}*`, 'COMMON'] }),
    },
  )
  const clients: TestClient[] = []
  const comeUpTo = async (count: number): Promise<void> => {
    while (clients.length < count) {
      const numbers = sequences(clients.length, Math.min(count, clients.length + AT_ONCE) - 1)
      const more = numbers.map(number => server.connect(`?batch=false&token=${number % ENTITLEMENTS}`))
      clients.push(...(await Promise.all(more)))
    }
  }
  await comeUpTo(ENTITLEMENTS)
  const few = await frameBytesPerTick(clients)
  await comeUpTo(CLIENTS)
  const lane = () => server.handler.getMetrics().lanes[0]!
  expect(lane().audiences).toBe(ENTITLEMENTS)
  const many = await frameBytesPerTick(clients)
  // Offsets become longer, and nothing else.
  expect(many).toBeGreaterThan(few)
  expect(many).toBeLessThan(few * 1.05)
  process.stdout.write(
    `${CLIENTS} clients, ${ENTITLEMENTS} entitlements: ${few.toFixed(0)} bytes of frames a tick with one client each, ${many.toFixed(0)} with ${CLIENTS / ENTITLEMENTS}\n`,
  )
})
