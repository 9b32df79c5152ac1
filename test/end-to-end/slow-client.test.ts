/**
 * A client that does not read: it holds bytes of the ring, and neither loses them nor costs the others anything.
 */
import type { Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import type { HandlerOptions } from '../../src/config/config.js'
import { AMPLE_WORK, FULL_SIZE, HandlerServer } from '../support/handler-server.js'
import { TickClient } from '../support/tick-client.js'
import { quote } from '../support/ticks.js'

const TINY_RING: Partial<HandlerOptions> = {
  ...FULL_SIZE,
  frameRingBytes: 128 * 1024,
  turnBytesMax: 2 * 1024,
}
/** Long, so that sockets fill with few ticks. */
const SYMBOL = 'S'.repeat(64)
/** So few that the ticks on their way to a client that reads, at most twice as many, take half of the tiny ring: it has no overrun. */
const PACE = 100
/** So few that their snapshot needs no preparation: the lane replies to clients in the order of their commands. */
const SNAPSHOT_SYMBOLS = 200

let server: HandlerServer | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

/** Pushes ticks in steps that a client which reads keeps up with, as long as `wantsMore`. @returns the last sequence */
async function push(
  running: HandlerServer,
  reader: TickClient,
  first: number,
  wantsMore: (sequence: number) => boolean,
): Promise<number> {
  let sequence = first
  for (; wantsMore(sequence); sequence++) {
    expect(running.handler.broadcastTick(quote(SYMBOL, sequence))).toBe(true)
    if (sequence % PACE === 0) await reader.until(() => reader.ticks.length >= sequence - PACE)
  }
  return sequence - 1
}

/** Every tick is the whole quote of its sequence, and none is missing but those a gap told of; offsets equal sequences here. */
function expectIntact(client: TickClient): void {
  expect(client.silentErrors).toEqual([])
  const gaps = [...client.gaps]
  let expected = 1
  for (const tick of client.ticks) {
    if (gaps[0]?.from === expected) expected = gaps.shift()!.to + 1
    const { bid, bidSize, ask, askSize } = quote(SYMBOL, expected)
    const whole =
      tick.kind === 'quote' &&
      tick.bid === bid &&
      tick.bidSize === bidSize &&
      tick.ask === ask &&
      tick.askSize === askSize
    if (tick.sequence !== expected || !whole)
      expect(tick).toMatchObject({ sequence: expected, bid, bidSize, ask, askSize })
    expected++
  }
  expect(gaps).toEqual([])
}

async function withBlockedClient(
  options: Partial<HandlerOptions>,
  ticksAfter: (running: HandlerServer) => number,
) {
  server = await HandlerServer.startOnUnixSocket(options)
  const running = server
  const reader = await TickClient.connect(running.url())
  const slow = await TickClient.connect(running.url())
  slow.socket.pause()
  const blockedAt = await push(
    running,
    reader,
    1,
    () => running.handler.getMetrics().counters.writesBlocked === 0,
  )
  const last = await push(
    running,
    reader,
    blockedAt + 1,
    sequence => sequence <= blockedAt + ticksAfter(running),
  )
  await reader.until(() => reader.ticks.length >= last)
  slow.socket.resume()
  return { running, reader, slow, last }
}

it('keeps the bytes of a write in flight while a tiny ring wraps, then tells exactly what was missed', async () => {
  const { running, reader, slow, last } = await withBlockedClient(TINY_RING, () => 10_000)
  const framesBytes = running.handler.getMetrics().lanes[0]!.counters.framesBytes
  expect(framesBytes).toBeGreaterThan(8 * running.handler.settings.frameRingBytes)
  await slow.until(() => slow.gaps.length > 0)
  const final = await push(running, reader, last + 1, sequence => sequence <= last + 10)
  await slow.until(() => Number(slow.ticks.at(-1)?.sequence) === final)
  await reader.until(() => reader.ticks.length === final)

  expectIntact(slow)
  expect(slow.closed).toBeUndefined()
  expect(slow.gaps).toMatchObject([{ reason: 'slow' }])
  const [gap] = slow.gaps
  expect(slow.ticks.length + gap!.missed!).toBe(final)
  expect(gap!.to - gap!.from + 1).toBe(gap!.missed)

  expectIntact(reader)
  expect(reader.gaps).toEqual([])
  const { counters } = running.handler.getMetrics()
  expect(counters.lapped).toBe(1)
  expect(counters.ticksDroppedSlow).toBe(gap!.missed)
})

it('lets a client catch up without loss from what the ring still holds', async () => {
  const { slow, last } = await withBlockedClient(FULL_SIZE, () => 20_000)
  await slow.until(() => slow.ticks.length >= last)
  expectIntact(slow)
  expect(slow.gaps).toEqual([])
  expect(slow.ticks.length).toBe(last)
})

it('is written nothing more for its commands while it does not read, and answered when it reads again', async () => {
  server = await HandlerServer.startOnUnixSocket({ ...FULL_SIZE, ...AMPLE_WORK })
  const running = server
  const slow = await running.connect('?symbols=OLD*')
  const other = await running.connect('?symbols=OTHER')
  for (let symbol = 0; symbol < SNAPSHOT_SYMBOLS; symbol++)
    running.handler.broadcastTick(quote(`OLD${symbol}`, 1))
  await slow.until(() => slow.ticks.length === SNAPSHOT_SYMBOLS)
  slow.socket.pause()

  let commands = 0
  /** Both clients ask for something, and the lane has answered all that it was asked. */
  const command = async (): Promise<void> => {
    const id = ++commands
    slow.socket.send(JSON.stringify({ type: 'subscribe', id, symbols: ['OLD*'], snapshot: true }))
    const [socket] = running.sockets as Socket[]
    await running.until(
      () => socket!.bytesRead === (slow.socket as unknown as { _socket: Socket })._socket.bytesWritten,
    )
    other.socket.send(JSON.stringify({ type: 'unsubscribe', id, symbols: [] }))
    await other.until(() => other.messages.length === 1 + id)
  }
  while (running.count('writesBlocked') === 0) await command()
  const before = running.count('bytesSent')
  const othersBefore = JSON.stringify(other.messages).length
  for (let round = 0; round < 50; round++) await command()
  const others = JSON.stringify(other.messages).length - othersBefore
  expect(running.count('bytesSent') - before).toBeLessThan(2 * others)

  slow.socket.resume()
  const answered = () => slow.messages.filter(({ type }) => type === 'subscribed').length
  await slow.until(() => answered() === 1 + commands)
})
