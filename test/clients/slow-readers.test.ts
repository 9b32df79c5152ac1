/**
 * Clients that read slowly, steadily, over real sockets: they take few bytes at a time from the kernel, and time goes on beat by beat.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytesQueuedIn } from '../../src/common/socket-handle.js'
import type { HandlerOptions } from '../../src/config/config.js'
import { extent } from '../support/extent.js'
import { FakeClock } from '../support/fake-clock.js'
import { FULL_SIZE, HandlerServer, quote, type TestClient } from '../support/handler-server.js'
import type { KernelReader } from '../support/kernel-reader.js'

const BEAT_MS = 1000
/** The shortest timeout is four beats. */
const TIMEOUTS: Partial<HandlerOptions> = { closeTimeoutMs: 4000 }

let clock: FakeClock
let server: HandlerServer
let sequence: number

beforeEach(() => {
  clock = new FakeClock()
  clock.advance(1)
  sequence = 0
})

afterEach(() => server.stop())

async function start(options: Partial<HandlerOptions> = {}): Promise<void> {
  server = await HandlerServer.start({ ...FULL_SIZE, ...TIMEOUTS, ...options }, { clock })
}

/** Pushes so many ticks. */
async function push(count: number): Promise<void> {
  for (let tick = 0; tick < count; ) {
    if (server.handler.broadcastTick(quote('A', sequence + 1))) {
      sequence++
      tick++
    } else await new Promise(setImmediate)
  }
}

/** Pushes ticks until so many clients have been blocked. */
async function pushUntilBlocked(count: number): Promise<void> {
  while (server.count('writesBlocked') < count) {
    await push(100)
    await new Promise(setImmediate)
  }
  await server.untilQuiet()
}

/** Pushes ticks until so many bytes have been sent. */
async function pushUntilSent(bytes: number): Promise<void> {
  while (server.count('bytesSent') < bytes) {
    await push(100)
    await new Promise(setImmediate)
  }
  await server.untilQuiet()
}

function hasAll(reader: KernelReader): boolean {
  return reader.sequences.at(-1) === sequence
}

/** Lets seconds pass. In each, a few ticks come, each reader takes its bytes of a second, and the others take all. */
async function pass(
  seconds: number,
  readers: readonly { readonly reader: KernelReader; readonly bytesPerS: number }[],
  others: readonly TestClient[] = [],
  ticksPerS = 10,
): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    await push(ticksPerS)
    for (const { reader, bytesPerS } of readers) await reader.readFully(bytesPerS, () => hasAll(reader))
    await clock.pass(1000, BEAT_MS)
    await Promise.all(others.map(client => client.roundTrip()))
  }
}

/** Lets seconds pass without ticks and readers until so many have gone by or the condition holds. */
async function passUntil(holds: () => boolean, mostSeconds: number): Promise<void> {
  for (let second = 0; second < mostSeconds && !holds(); second++) await pass(1, [], [], 0)
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

describe('a client that reads slowly', () => {
  it('stays at any rate and gets every tick; a client that takes nothing is closed after the write timeout', async () => {
    await start()
    const rates = extent([5, 50, 120], [5, 12, 25, 50, 85, 120])
    const readers: { reader: KernelReader; bytesPerS: number }[] = []
    for (const rate of rates) readers.push({ reader: await server.connectReader(), bytesPerS: rate * 1000 })
    const other = await server.connect()
    const stuck = await server.connectReader()
    await pushUntilBlocked(rates.length + 1)

    await pass(9, readers, [other])
    expect(server.handler.getClientCount()).toBe(rates.length + 2)
    // Two beats for the timeout and four for the handshake. In that time the client does not read.
    await pass(6, readers, [other])
    expect(server.counts('disconnect')).toEqual({ disconnectSlow: 1 })
    await pass(60, readers, [other])
    expect(readers.map(({ reader }) => reader.closed)).toEqual(rates.map(() => undefined))
    expect(server.counts('disconnect')).toEqual({ disconnectSlow: 1 })
    expect(other.closed).toBeUndefined()

    await stuck.readUntil(() => false)
    expect(stuck.closed).toBe(1006)
    for (const { reader } of readers) {
      await reader.readUntil(() => hasAll(reader))
      expect(reader.sequences).toEqual(upTo(sequence))
    }
  })

  it('stays while its kernel takes bytes, where the tables of the system say nothing', async () => {
    server = await HandlerServer.startOnUnixSocket({ ...FULL_SIZE, ...TIMEOUTS }, { clock })
    const reader = await server.connectReader()
    const other = await server.connect()
    await pushUntilBlocked(1)
    const [socket] = server.sockets
    let longestWriteMs = 0
    while (longestWriteMs < 12_000) {
      if (hasAll(reader)) await push(10_000)
      const blocked = server.count('writesBlocked')
      const startMs = clock.nowMs()
      while (server.count('writesBlocked') === blocked && bytesQueuedIn(socket!) > 0) {
        await pass(8, [], [other], 0)
        // The kernel takes bytes again when most of what it holds has been read.
        const queuedBytes = bytesQueuedIn(socket!)
        const hasMoved = () => bytesQueuedIn(socket!) !== queuedBytes || reader.closed !== undefined
        while (!hasMoved()) await reader.readFully(4096, hasMoved)
        expect(reader.closed).toBeUndefined()
      }
      longestWriteMs = Math.max(longestWriteMs, clock.nowMs() - startMs)
      await reader.readFully(4096, () => hasAll(reader))
    }
    expect(server.counts('disconnect')).toEqual({})
    await reader.readUntil(() => hasAll(reader))
    expect(reader.sequences).toEqual(upTo(sequence))
  })

  it('has time for its pong while it reads up to the ping, also when no write is blocked', async () => {
    await start({ pingIntervalMs: 4000, pongTimeoutMs: 4000, readTimeoutMs: 8000 })
    const reader = await server.connectReader()
    await pushUntilSent(500_000)
    expect(server.count('writesBlocked')).toBe(0)
    const readers = [{ reader, bytesPerS: 20_000 }]
    await pass(20, readers, [], 0)
    expect([reader.pongs, reader.closed]).toEqual([0, undefined])
    expect(server.counts('disconnect')).toEqual({})
    while (reader.pongs === 0) await pass(1, readers, [], 0)
    expect(server.counts('disconnect')).toEqual({})
    await reader.readUntil(() => hasAll(reader))
    expect(reader.sequences).toEqual(upTo(sequence))
  })

  it('is ended when it stops reading before the ping', async () => {
    await start({ pingIntervalMs: 4000, pongTimeoutMs: 4000 })
    const reader = await server.connectReader()
    await pushUntilSent(500_000)
    await pass(10, [{ reader, bytesPerS: 20_000 }], [], 0)
    expect(server.handler.getClientCount()).toBe(1)
    // What the kernel still takes after the last read gives the client its time anew. When it takes it is not the clock's to say.
    await passUntil(() => server.count('disconnectPong') > 0, 20)
    expect(server.counts('disconnect')).toEqual({ disconnectPong: 1 })
  })

  it('gets its close code when it reads on slowly, however long that takes', async () => {
    await start()
    const reader = await server.connectReader()
    await pushUntilBlocked(1)
    await pass(12, [])
    // Longer than the close timeout, and too little for the kernel to ask for more.
    for (let second = 0; second < 8; second++) {
      reader.read(50_000)
      await pass(1, [])
    }
    await reader.readUntil(() => false)
    expect(reader.closed).toBe(4008)
    expect(reader.sequences).toEqual(upTo(reader.sequences.length))
  })
})

describe('many clients that read slowly', () => {
  it('hold a bounded part of the ring, and the longest holder is cut before the lane has to wait', async () => {
    const options = { ...TIMEOUTS, tickLogBytes: 1 << 20, frameRingBytes: 1 << 16, turnBytesMax: 1 << 10 }
    server = await HandlerServer.startOnUnixSocket(options, { clock })
    const other = await server.connect()
    const readers: { reader: KernelReader; bytesPerS: number }[] = []
    while (server.count('disconnectCutOff') === 0) {
      readers.push({ reader: await server.connectReader(), bytesPerS: 10 })
      const blocked = server.count('writesBlocked')
      while (server.count('writesBlocked') === blocked && server.count('disconnectCutOff') === 0) {
        await push(20)
        await other.until(() => other.ticks.length === sequence)
      }
      await pass(1, readers, [other], 0)
    }
    // The ring has eight segments, two of which are kept free.
    expect(readers.length).toBeGreaterThanOrEqual(6)
    expect(server.counts('disconnect')).toEqual({ disconnectCutOff: 1 })
    await readers[0]!.reader.readUntil(() => false)
    expect(readers[0]!.reader.closed).toBe(1006)
    expect(other.ticks).toEqual(upTo(sequence).map(number => `A${number}`))
  })
})
