import { afterEach, describe, expect, it } from 'vitest'
import { FULL_SIZE, HandlerServer, quote } from '../support/handler-server.js'

let server: HandlerServer

afterEach(() => server.stop())

function nameOf({ messages }: { readonly messages: readonly object[] }): string {
  return (messages[0] as { client: string }).client
}

describe('the list of clients', () => {
  it('shows what each client is, asks for, was given and waits for', async () => {
    server = await HandlerServer.start()
    const client = await server.connect('?symbols=A,B')
    server.handler.broadcastTick(quote('A', 1))
    await client.until(() => client.ticks.length === 1)
    const [row, ...rest] = server.handler.getClients()
    expect(rest).toEqual([])
    expect(row).toEqual({
      id: nameOf(client),
      address: '127.0.0.1',
      user: null,
      state: 'live',
      subscriptions: 2,
      ageMs: expect.any(Number),
      lagMs: 0,
      lagBytes: 0,
      lagTicks: 0,
      worstLagMs: 0,
      sentTicks: 1,
      sentBytes: expect.any(Number),
      gaps: 0,
    })
    expect(row!.sentBytes).toBeGreaterThan(100)
  })

  it('shows the slowest first, with its lag in ms, bytes and ticks', async () => {
    server = await HandlerServer.startOnUnixSocket(FULL_SIZE)
    const quick = await server.connect()
    const slow = await server.connectReader()
    const before = await server.pushUntilBlocked()
    for (let tick = 0; tick < 100; tick++) server.handler.broadcastTick(quote('A', tick + 1))
    await quick.until(() => quick.ticks.length === before + 100)
    const [first, second] = server.handler.getClients()
    expect([first!.id, second!.id]).toEqual([nameOf(slow), nameOf(quick)])
    expect(first).toMatchObject({ state: 'blocked' })
    // The client was given, or waits for, each tick.
    expect(first!.sentTicks + first!.lagTicks!).toBe(before + 100)
    expect(first!.lagTicks).toBeGreaterThanOrEqual(100)
    expect(first!.lagBytes).toBeGreaterThan(100)
    expect(first!.lagMs).toBeGreaterThan(0)
    expect(first!.worstLagMs).toBe(first!.lagMs)
    expect(second).toMatchObject({ state: 'live', lagMs: 0, sentTicks: before + 100 })
    const { lag } = server.handler.getMetrics()
    expect(lag).toMatchObject({ blocked: 1 })
    expect(lag.maxMs).toBeGreaterThanOrEqual(first!.lagMs)
    expect(server.handler.getClients({ limit: 1, sort: 'sent' })).toMatchObject([{ id: nameOf(quick) }])
    for (const sort of ['bytes', 'ticks'] as const)
      expect(server.handler.getClients({ limit: 1, sort })).toMatchObject([{ id: nameOf(slow) }])
  })

  it('closes the client that is named, and no other', async () => {
    server = await HandlerServer.start()
    const [first, second] = [await server.connect(), await server.connect()]
    expect(server.handler.closeClient(nameOf(first))).toBe(true)
    expect(await first.untilClosed()).toEqual({ code: 4010, reason: 'closed by an operator' })
    await server.until(() => server.handler.getClientCount() === 1)
    expect(server.handler.closeClient(nameOf(first))).toBe(false)
    expect(server.counts('disconnect')).toEqual({ disconnectOperator: 1 })
    expect(server.counts('closed')).toEqual({ closed4010: 1 })
    expect(second.closed).toBeUndefined()
  })

  it('refuses a query that is wrong', async () => {
    server = await HandlerServer.start()
    expect(() => server.handler.getClients({ limit: 0, sort: 'name' as 'lag' })).toThrow(
      /sort="name": must be one of lag.*\nlimit=0: must be a whole number from 1 to 1000/,
    )
  })
})
