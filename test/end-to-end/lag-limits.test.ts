/**
 * Clients that would rather miss ticks than get old ones, over real sockets: what they say about that holds, and what it costs
 * them they are told exactly.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GapMessage, SnapshotMessage } from '../../src/protocol/messages.js'
import { FakeClock } from '../support/fake-clock.js'
import { HandlerServer, type TestClient } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'
import { quote, trade } from '../support/ticks.js'

let clock: FakeClock
let server: HandlerServer
/** Reads all the time. */
let witness: TickClient
/** All ticks that were pushed, as `TestClient.ticks` has them: the one of offset 1 at index 0. */
let pushed: string[]

beforeEach(async () => {
  clock = new FakeClock()
  // At 0 a client blocked now would look like one that is not.
  clock.advance(1)
  pushed = []
  // The kernel keeps less for this kind of socket. What is missed is in the window all the time.
  server = await HandlerServer.startOnUnixSocket({ frameRingBytes: 1 << 23 }, { clock })
  witness = await TickClient.connect(server.url())
})

afterEach(() => server.stop())

/** Pushes so many ticks of a few symbols and of both kinds, and waits until whoever reads has them. */
async function push(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) {
    const sequence = pushed.length + 1
    const symbol = 'ABC'[sequence % 3]!
    if (!server.handler.broadcastTick((sequence % 2 === 0 ? quote : trade)(symbol, sequence)))
      throw new Error('the queue is full')
    pushed.push(`${symbol}${sequence}`)
  }
  await witness.until(() => witness.ticks.length === pushed.length)
}

/** A client that has stopped reading, so that some of what was pushed has not been written to it, and `missed` ticks more. */
async function blocked(query: string, missed: number): Promise<TestClient> {
  const client = await server.connect(query)
  client.socket.pause()
  const before = server.count('writesBlocked')
  while (server.count('writesBlocked') === before) await push(50)
  for (let left = missed; left > 0; left -= 100) await push(Math.min(100, left))
  return client
}

const gapsOf = ({ messages }: TestClient) =>
  messages.filter((message): message is GapMessage => message.type === 'gap')

/** All that came is in order and whole, but for the one gap, of which all that is said is right. */
function expectOneGap(client: TestClient): void {
  const gaps = gapsOf(client)
  expect(gaps).toHaveLength(1)
  const [gap] = gaps
  const { from, missed, reason, seq, to } = gap!
  expect(reason).toBe('slow')
  expect(missed).toBe(to - from + 1)
  expect(client.ticks).toEqual([...pushed.slice(0, from - 1), ...pushed.slice(to)])

  const snapshot = client.messages[client.messages.indexOf(gap!) + 1] as SnapshotMessage
  // Six symbols and kinds by turns: the last six are the latest.
  const latest = pushed.slice(Math.max(from - 1, to - 6), to)
  expect(snapshot).toMatchObject({ type: 'snapshot', offset: to, seq })
  expect(snapshot.ticks.map(({ symbol, sequence }) => `${symbol}${sequence}`)).toEqual(latest)
  let next = 0
  for (const message of client.messages) {
    if (message.type === 'gap') next = message.seq
    if (message.type === 'ticks') expect(message.seq).toBe(++next)
  }
  expect(server.count('lapped')).toBe(1)
  expect(server.count('ticksDroppedSlow')).toBe(missed)
}

function expectNoGap(client: TestClient): void {
  expect(client.ticks).toEqual(pushed)
  expect(gapsOf(client)).toEqual([])
  expect(server.count('lapped')).toBe(0)
}

/** The client reads again. */
async function readAgain(client: TestClient): Promise<void> {
  const last = pushed.at(-1)
  client.socket.resume()
  await client.until(() => gapsOf(client).length > 0 || client.ticks.at(-1) === last)
}

/** Some more ticks come, the last of which everybody wants. */
async function goOn(...clients: TestClient[]): Promise<void> {
  do await push(20)
  while (!pushed.at(-1)!.startsWith('A'))
  for (const client of clients) await client.until(() => client.ticks.at(-1) === pushed.at(-1))
}

describe('a client with maxAgeMs that comes back', () => {
  it('is told what has grown too old, given the latest of it, and goes on with what is new', async () => {
    const client = await blocked('?maxAgeMs=500', 300)
    clock.advance(501)
    const old = pushed.length
    await readAgain(client)
    await goOn(client)
    expectOneGap(client)
    // Nothing of what was old when it came back, but for what had been written before it stopped.
    const [{ from, to }] = gapsOf(client) as [GapMessage]
    expect(to).toBe(old)
    expect(old - from + 1).toBeGreaterThanOrEqual(300)
  })

  it('gets all that is just young enough', async () => {
    const client = await blocked('?maxAgeMs=500', 300)
    clock.advance(500)
    await readAgain(client)
    await goOn(client)
    expectNoGap(client)
  })

  it('is told of what is young, too, where it lies behind what is old', async () => {
    const client = await blocked('?maxAgeMs=500', 300)
    clock.advance(499)
    await push(100)
    clock.advance(2)
    const last = pushed.length
    await readAgain(client)
    await goOn(client)
    expectOneGap(client)
    expect(gapsOf(client)[0]!.to).toBe(last)
  })

  it('falls behind again and again, and is told each time', async () => {
    const client = await server.connect('?maxAgeMs=500')
    for (let round = 1; round <= 3; round++) {
      client.socket.pause()
      const before = server.count('writesBlocked')
      while (server.count('writesBlocked') === before) await push(50)
      await push(100)
      clock.advance(1000)
      client.socket.resume()
      await client.until(() => gapsOf(client).length === round)
      await goOn(client)
    }
    const missed = gapsOf(client).reduce((sum, gap) => sum + gap.missed!, 0)
    expect(client.ticks.length + missed).toBe(pushed.length)
    expect(server.count('ticksDroppedSlow')).toBe(missed)
    const lost = new Set(gapsOf(client).flatMap(({ from, to }) => pushed.slice(from - 1, to)))
    expect(client.ticks).toEqual(pushed.filter(tick => !lost.has(tick)))
  })

  it('of some symbols is told how many ticks of those are missing', async () => {
    const client = await blocked('?symbols=A,B&maxAgeMs=500', 300)
    clock.advance(501)
    await readAgain(client)
    await goOn(client)
    const { from, missed, to } = gapsOf(client)[0]!
    const isWanted = (tick: string) => !tick.startsWith('C')
    expect(missed).toBe(pushed.slice(from - 1, to).filter(isWanted).length)
    expect(client.ticks).toEqual([...pushed.slice(0, from - 1), ...pushed.slice(to)].filter(isWanted))
  })
})

describe('a client with maxLagBytes that comes back', () => {
  it('is told what it missed when that is more, given the latest of it, and goes on with what is new', async () => {
    const client = await blocked('?maxLagBytes=10000', 300)
    const last = pushed.length
    await readAgain(client)
    await goOn(client)
    expectOneGap(client)
    expect(gapsOf(client)[0]!.to).toBe(last)
  })

  it('gets all of it when it is less', async () => {
    const client = await blocked('?maxLagBytes=10000000', 300)
    await readAgain(client)
    await goOn(client)
    expectNoGap(client)
  })

  it('has others in its audience that set other bounds, or none', async () => {
    const patient = await blocked('?maxLagBytes=10000000', 0)
    const unbounded = await blocked('', 0)
    const client = await blocked('?maxLagBytes=10000', 300)
    await Promise.all([client, patient, unbounded].map(readAgain))
    await goOn(client, patient, unbounded)
    const { from, to } = gapsOf(client)[0]!
    expect(client.ticks).toEqual([...pushed.slice(firstOf(client), from - 1), ...pushed.slice(to)])
    for (const each of [patient, unbounded]) {
      expect(gapsOf(each)).toEqual([])
      expect(each.ticks).toEqual(pushed.slice(firstOf(each)))
    }
    expect(server.count('lapped')).toBe(1)
    expect(server.handler.getMetrics().lanes[0]!.audiences).toBe(1)
  })

  it('and with maxAgeMs is told when either is passed', async () => {
    const client = await blocked('?maxLagBytes=10000000&maxAgeMs=500', 300)
    clock.advance(501)
    await readAgain(client)
    await goOn(client)
    expectOneGap(client)
  })
})

/** Ticks that were pushed before the client came. */
function firstOf({ messages }: TestClient): number {
  const [first] = messages
  return first?.type === 'subscribed' ? first.offset : 0
}
