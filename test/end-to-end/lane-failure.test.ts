/** A lane that crashes or hangs loses nothing: its clients stay connected and get every tick once. */
import { afterEach, expect, it } from 'vitest'
import { type Log, silentLog } from '../../src/common/log.js'
import { FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'
import { quote, sequences } from '../support/ticks.js'

const lane = (name: string) => new URL(`../support/lanes/${name}.js`, import.meta.url).href

const TICKS = 2_000
let server: HandlerServer | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

/** Pushes ticks of A and B alternately. Waits for the pacer at intervals, so that the ticks take many turns. */
async function pushAll(running: HandlerServer, pacer: TickClient): Promise<void> {
  for (let sequence = 1; sequence <= TICKS; sequence++) {
    for (const symbol of ['A', 'B']) expect(running.handler.broadcastTick(quote(symbol, sequence))).toBe(true)
    if (sequence % 20 === 0) await pacer.until(() => pacer.ticks.length >= 2 * sequence - 60)
  }
}

async function expectNothingLost(file: string, failuresMax: number, options = {}): Promise<void> {
  server = await HandlerServer.start({ ...FULL_SIZE, ...options }, { laneFile: lane(file) })
  const all = await TickClient.connect(server.url())
  const onlyB = await TickClient.connect(server.url('?symbols=B'))
  const singles = await TickClient.connect(server.url('?symbols=A&batch=false'))
  await pushAll(server, all)
  await all.until(() => all.ticks.length >= 2 * TICKS)
  await onlyB.until(() => onlyB.ticks.length >= TICKS)
  await singles.until(() => singles.ticks.length >= TICKS)
  // Two faults that are due in one step make one failure.
  const { laneRestarts } = server.handler.getMetrics().counters
  expect(laneRestarts).toBeGreaterThan(0)
  expect(laneRestarts).toBeLessThanOrEqual(failuresMax)
  const of = (client: TickClient, symbol: string) =>
    client.ticks.filter(tick => tick.symbol === symbol).map(({ sequence }) => sequence)
  for (const symbol of ['A', 'B']) expect(of(all, symbol)).toEqual(sequences(1, TICKS))
  expect(of(onlyB, 'B')).toEqual(sequences(1, TICKS))
  expect(of(singles, 'A')).toEqual(sequences(1, TICKS))
  for (const client of [all, onlyB, singles]) {
    expect(client.silentErrors).toEqual([])
    expect(client.gaps).toEqual([])
    expect(client.closed).toBeUndefined()
  }
}

it('loses nothing when a lane throws in the middle of a record', () =>
  expectNothingLost('throws-in-decode', 3))

it('loses nothing when a lane throws before it publishes a turn', () =>
  expectNothingLost('throws-before-publish', 3))

it('repeats nothing when a lane throws after it has published a turn', () =>
  expectNothingLost('throws-after-publish', 3))

it('loses nothing when the thread of a lane exits in the middle of a turn', () =>
  expectNothingLost('exits', 3))

it('loses nothing when the lane of compressed audiences fails', async () => {
  await expectNothingLost('exits', 3, { compression: true, compressionMinBytes: 0 })
  expect(server!.countOfLane('messagesDeflated')).toBeGreaterThan(TICKS)
})

it('replaces a lane that hangs', () => expectNothingLost('hangs', 1, { laneHangTimeoutMs: 1500 }))

it('replaces a lane that hangs in a reply though no tick waits for it, and sends the request again', async () => {
  server = await HandlerServer.start({ laneHangTimeoutMs: 1500 }, { laneFile: lane('hangs-in-reply') })
  const clients = []
  for (const symbol of ['A', 'B', 'C'])
    clients.push(await TickClient.connect(server.url(`?symbols=${symbol}`)))
  // On a busy machine a thread that takes long to start is replaced, too.
  expect(server.count('laneRestarts')).toBeGreaterThan(0)
  for (const symbol of ['A', 'B', 'C']) server.handler.broadcastTick(quote(symbol, 1))
  for (const client of clients) await client.until(() => client.ticks.length === 1)
  expect(clients.flatMap(({ silentErrors }) => silentErrors)).toEqual([])
})

it('replaces a lane only when its thread has ended', async () => {
  let failures = 0
  let isUp = false
  let wasReplacedAtOnce: boolean | undefined
  const log: Log = {
    ...silentLog,
    error: (_, message) => {
      if (message === 'a lane failed and is replaced') failures++
      else if (message === 'a lane hangs and is ended' && isUp) {
        const before = failures
        // The thread still hangs.
        setImmediate(() => {
          wasReplacedAtOnce ??= failures > before
        })
      }
    },
  }
  server = await HandlerServer.start(
    { laneHangTimeoutMs: 500 },
    { laneFile: lane('hangs-in-native-code'), log },
  )
  const client = await TickClient.connect(server.url())
  isUp = true
  for (let sequence = 1; sequence <= 200; sequence++) server.handler.broadcastTick(quote('A', sequence))
  await client.until(() => client.ticks.length === 200)
  expect(wasReplacedAtOnce).toBe(false)
  expect(client.silentErrors).toEqual([])
})

it('skips a tick at which two lives of a lane in a row have failed, and tells a gap', async () => {
  server = await HandlerServer.start({}, { laneFile: lane('throws-at-symbol') })
  const client = await TickClient.connect(server.url())
  for (const symbol of ['A', 'FATAL', 'B']) server.handler.broadcastTick(quote(symbol, 1))
  await client.until(() => client.ticks.length === 2)
  expect(client.ticks.map(({ symbol }) => symbol)).toEqual(['A', 'B'])
  expect(client.gaps).toEqual([
    { type: 'gap', reason: 'poison', from: 2, to: 2, missed: 1, seq: expect.any(Number) },
  ])
  expect(client.silentErrors).toEqual([])
  const { counters, lanes } = server.handler.getMetrics()
  expect(counters.laneRestarts).toBe(2)
  expect(lanes[0]?.counters.ticksPoison).toBe(1)
})

it('ends a client at whose request two lives of a lane in a row have failed, and no other client notices', async () => {
  server = await HandlerServer.start({ poolSize: 1 }, { laneFile: lane('throws-at-snapshot') })
  const other = await TickClient.connect(server.url())
  const faulty = await TickClient.connect(server.url('?symbols=A'))
  const late = await TickClient.connect(server.url('?symbols=B'))
  server.handler.broadcastTick(quote('A', 1))
  await faulty.until(() => faulty.ticks.length === 1)
  faulty.socket.send('{"type":"subscribe","id":1,"symbols":["FATAL"],"snapshot":true}')
  await faulty.until(() => false)
  expect(faulty.closed).toEqual({ code: 1011, reason: 'internal error' })
  let isAnswered = false
  late.onMessage = ({ type }) => {
    isAnswered ||= type === 'snapshot'
  }
  late.socket.send('{"type":"subscribe","id":1,"symbols":["A"],"snapshot":true}')
  await late.until(() => isAnswered)
  server.handler.broadcastTick(quote('A', 2))
  await other.until(() => other.ticks.length === 2)
  await late.until(() => late.ticks.length === 1)
  for (const { closed, gaps, silentErrors } of [other, late])
    expect({ closed, gaps, silentErrors }).toEqual({ closed: undefined, gaps: [], silentErrors: [] })
  const { counters } = server.handler.getMetrics()
  expect([counters.laneRestarts, counters.disconnectFault]).toEqual([2, 1])
})
