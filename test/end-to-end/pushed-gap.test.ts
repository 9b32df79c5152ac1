/**
 * What clients are told when a library's user tells of ticks that did not come.
 */
import { afterEach, expect, it } from 'vitest'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { BinaryClient } from '../support/binary-client.js'
import { HandlerServer, type TestClient } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'
import { quote } from '../support/ticks.js'

let server: HandlerServer

afterEach(() => server.stop())

function push(symbol: string, sequence: number): void {
  expect(server.handler.broadcastTick(quote(symbol, sequence))).toBe(true)
}

/** Ticks and gaps in their order: `A1`, `upstream 2-1 5`. */
function told(messages: readonly ServerMessage[]): string[] {
  return messages.flatMap(message => {
    if (message.type === 'ticks') return message.ticks.map(({ symbol, sequence }) => `${symbol}${sequence}`)
    if (message.type !== 'gap') return []
    return [`${message.reason} ${message.from}-${message.to} ${message.missed}`]
  })
}

const isTold = (client: TestClient, count: number) =>
  client.until(() => told(client.messages).length === count)

it('tells every client between the ticks before and behind, whatever it wants', async () => {
  server = await HandlerServer.start({ poolSize: 2 })
  const all = await server.connect()
  const singles = await server.connect('?symbols=A&batch=false')
  const others = await server.connect('?symbols=B')
  const latest = await server.connect('?symbols=B&delivery=latest')
  const binary = await BinaryClient.connect(server.url())
  push('A', 1)
  push('A', 2)
  expect(server.handler.gap({ missed: 5 })).toBe(true)
  push('A', 3)
  expect(server.handler.gap({ missed: null })).toBe(true)
  expect(server.handler.gap({ missed: 2, reason: 'overload' })).toBe(true)
  push('A', 4)
  const gaps = ['upstream 3-2 5', 'upstream 5-4 null', 'overload 6-5 2']
  const stream = ['A1', 'A2', gaps[0], 'A3', gaps[1], gaps[2], 'A4']
  for (const client of [all, singles]) {
    await isTold(client, stream.length)
    expect(told(client.messages)).toEqual(stream)
  }
  for (const client of [others, latest]) {
    await isTold(client, gaps.length)
    expect(told(client.messages)).toEqual(gaps)
  }
  await binary.until(() => binary.ticks.length === 4 && binary.control.length === 4)
  expect(told(binary.control)).toEqual(gaps)
})

it('tells a gap at once, though no tick follows it', async () => {
  server = await HandlerServer.start()
  const client = await TickClient.connect(server.url())
  server.handler.gap({ missed: 7 })
  await client.until(() => client.gaps.length === 1)
  expect(client.gaps).toEqual([{ type: 'gap', reason: 'upstream', from: 1, to: 0, missed: 7, seq: 0 }])
  const late = await TickClient.connect(server.url())
  push('A', 1)
  await late.until(() => late.ticks.length === 1)
  expect(late.gaps).toEqual([])
})

it('tells a client that is behind, once and exactly', async () => {
  server = await HandlerServer.startOnUnixSocket({ frameRingBytes: 1 << 17, turnBytesMax: 2048 })
  const slow = await server.connect()
  const reader = await server.connect('?symbols=NONE')
  slow.socket.pause()
  let last = await server.pushUntilBlocked()
  const gaps = () => reader.messages.filter(({ type }) => type === 'gap').length
  // Far more than the ring holds, with gaps between.
  for (let round = 0; round < 40; round++) {
    for (let tick = 0; tick < 100; tick++) push('FILL', ++last)
    server.handler.gap({ missed: 3 })
    await reader.until(() => gaps() === round + 1)
  }
  slow.socket.resume()
  // Only then does it get the next tick as a tick, and not in the snapshot of what it missed.
  await slow.until(() => slow.messages.some(message => message.type === 'gap' && message.reason === 'slow'))
  push('FILL', ++last)
  await slow.until(() => slow.ticks.at(-1) === `FILL${last}`)
  const missed = (reason: string) =>
    slow.messages.reduce(
      (sum, message) => sum + (message.type === 'gap' && message.reason === reason ? message.missed! : 0),
      0,
    )
  expect(missed('upstream')).toBe(120)
  expect(missed('slow')).toBeGreaterThan(0)
  expect(slow.ticks.length + missed('slow')).toBe(last)
})

it('tells a client that resumes in the place where the others were told', async () => {
  server = await HandlerServer.start()
  const live = await server.connect()
  const { epoch } = live.messages[0] as { epoch: string }
  push('A', 1)
  push('A', 2)
  server.handler.gap({ missed: 5 })
  push('A', 3)
  server.handler.gap({ missed: null })
  const stream = ['A1', 'A2', 'upstream 3-2 5', 'A3', 'upstream 5-4 null']
  await isTold(live, stream.length)
  for (const [offset, index] of [
    [0, 0],
    [2, 2],
    [4, 4],
  ] as const) {
    const back = await server.connect(`?resume=${epoch}:${offset}`)
    await back.until(() => back.messages.some(({ type }) => type === 'live'))
    expect(told(back.messages)).toEqual(stream.slice(index))
  }
  push('A', 4)
  await isTold(live, stream.length + 1)
  // Whoever has a tick that came behind the gap is not told of it again.
  const back = await server.connect(`?resume=${epoch}:6`)
  await back.until(() => back.messages.some(({ type }) => type === 'live'))
  expect(told(back.messages)).toEqual([])
})

it.each(['throws-before-publish', 'throws-after-publish', 'exits'])(
  'tells each gap once and in its place when the lane fails: %s',
  async file => {
    const laneFile = new URL(`../support/lanes/${file}.js`, import.meta.url).href
    server = await HandlerServer.start({}, { laneFile })
    const client = await server.connect()
    const expected: string[] = []
    for (let round = 1; round <= 200; round++) {
      push('A', round)
      server.handler.gap({ missed: round })
      expected.push(`A${round}`, `upstream ${2 * round}-${2 * round - 1} ${round}`)
      if (round % 5 === 0) await isTold(client, expected.length)
    }
    expect(told(client.messages)).toEqual(expected)
    expect(server.count('laneRestarts')).toBeGreaterThan(0)
  },
)

it('tells a gap behind all ticks that were taken while the queue was full', async () => {
  server = await HandlerServer.start({ queueSize: 1 })
  const client = await server.connect()
  const expected: string[] = []
  let offset = 0
  for (let sequence = 1; sequence <= 50; sequence++) {
    const isTaken = server.handler.broadcastTick(quote('A', sequence))
    if (isTaken) {
      offset++
      expected.push(`A${sequence}`)
    } else {
      server.handler.gap({ missed: 1, reason: 'overload' })
      offset++
      expected.push(`overload ${offset}-${offset - 1} 1`)
    }
  }
  await isTold(client, expected.length)
  expect(told(client.messages)).toEqual(expected)
})
