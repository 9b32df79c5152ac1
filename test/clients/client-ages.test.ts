import { afterEach, describe, expect, it } from 'vitest'
import type { Client } from '../../src/clients/client.js'
import { ClientAges } from '../../src/clients/client-ages.js'
import { Random } from '../../src/common/random.js'
import { FakeClock } from '../support/fake-clock.js'
import { HandlerServer, quote } from '../support/handler-server.js'

let server: HandlerServer
const clock = new FakeClock()

afterEach(() => server?.stop())

async function passUntil(done: () => boolean): Promise<void> {
  while (!done()) {
    clock.advance(1000)
    await new Promise(setImmediate)
  }
}

describe('the age of clients', () => {
  it('ends them with a goodbye', async () => {
    server = await HandlerServer.start(
      { clientMaxAgeMs: 100_000, pingIntervalMs: 3_600_000, readTimeoutMs: 86_400_000 },
      { clock },
    )
    const clients = await Promise.all(Array.from({ length: 20 }, () => server.connect()))
    server.handler.broadcastTick(quote('A', 1))
    const startMs = clock.nowMs()
    await passUntil(() => clock.nowMs() - startMs >= 89_000)
    expect(server.handler.getClientCount()).toBe(20)
    await passUntil(() => clock.nowMs() - startMs >= 111_000)
    await server.until(() => server.handler.getClientCount() === 0)
    for (const client of clients) {
      expect(await client.untilClosed()).toEqual({ code: 1001, reason: 'max age' })
      expect(client.messages.map(({ type }) => type)).toEqual(['subscribed', 'ticks', 'goodbye'])
      expect(client.messages.at(-1)).toMatchObject({ reason: 'max_age', resume: `${server.handler.epoch}:1` })
    }
    expect(server.counts('disconnect')).toEqual({ disconnectMaxAge: 20 })
  })

  it('is within a tenth of the setting, and different for clients that came together', () => {
    const random = new Random(3)
    const ages = new Map<object, number>()
    const startMs = clock.nowMs()
    const clients = Array.from({ length: 1000 }, () => ({}) as Client)
    const all = new ClientAges({
      maxAgeMs: 100_000,
      clock,
      tooOld: client => ages.set(client, clock.nowMs() - startMs),
      random: () => random.next(),
    })
    for (const client of clients) all.add(client)
    for (const gone of clients.splice(0, 100)) all.remove(gone)
    for (let second = 0; second < 120; second++) clock.advance(1000)
    expect(ages.size).toBe(900)
    const bySecond = new Map<number, number>()
    for (const ms of ages.values()) bySecond.set(ms / 1000, (bySecond.get(ms / 1000) ?? 0) + 1)
    expect(Math.min(...bySecond.keys())).toBeGreaterThanOrEqual(90)
    expect(Math.max(...bySecond.keys())).toBeLessThanOrEqual(110)
    expect(Math.max(...bySecond.values())).toBeLessThan(90)
    all.stop()
  })

  it('does not matter by default', async () => {
    server = await HandlerServer.start({ pingIntervalMs: 3_600_000, readTimeoutMs: 86_400_000 }, { clock })
    await server.connect()
    clock.advance(80_000_000)
    await new Promise(setImmediate)
    expect(server.handler.getClientCount()).toBe(1)
  })
})
