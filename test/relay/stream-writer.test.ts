import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/common/clock.js'
import { setUpStream } from '../../src/relay/stream-setup.js'
import { StreamWriter, type WriterEnd } from '../../src/relay/stream-writer.js'
import { connect, type NatsConnection } from '../../src/sources/nats/nats-js.js'
import { ticksSubject } from '../../src/sources/nats/nats-options.js'
import type { StreamMessage } from '../../src/sources/nats/stream-message.js'
import { TickStream } from '../../src/sources/nats/tick-stream.js'
import { NatsServer, noNatsServer } from '../support/nats-server.js'

const RETENTION = { maxAgeMs: 3_600_000, maxBytes: 1024 * 1024, replicas: 1 }

const ticks = (offset: number): StreamMessage => ({
  kind: 'ticks',
  epoch: 'E',
  feedEpoch: undefined,
  offset,
  count: 1,
  data: new Uint8Array(10),
  feed: 'live',
  relay: 'R',
  server: 'S',
  schema: undefined,
})

describe.skipIf(noNatsServer !== undefined)('StreamWriter', () => {
  const server = new NatsServer()
  let connection: NatsConnection
  let stream: TickStream
  let count = 0

  beforeAll(async () => {
    await server.start()
    connection = await connect({ servers: server.url })
  })
  afterAll(async () => {
    await connection.close()
    await server.stop()
  })
  beforeEach(async () => {
    const name = `writer${++count}`
    stream = await TickStream.open(connection, name, ticksSubject(name))
    await setUpStream(stream, RETENTION)
  })

  function writerAfter(after: number) {
    const seen = { ends: [] as WriterEnd[], stored: 0, failures: [] as string[] }
    const writer = new StreamWriter({
      after: { sequence: after },
      clock: systemClock,
      ended: end => seen.ends.push(end),
      stored: messages => {
        seen.stored += messages
      },
      hasRoom: () => {},
      failed: reason => seen.failures.push(reason),
    })
    return { writer, seen }
  }

  async function offsetsIn(last: number): Promise<(number | undefined)[]> {
    const all = Array.from({ length: last }, (_, index) => stream.message(index + 1))
    return (await Promise.all(all)).map(stored => stored?.message?.offset)
  }

  /** The stream, with another way of publishing. */
  function withPublish(publish: TickStream['publish']): TickStream {
    return new Proxy(stream, {
      get(target, key) {
        const value: unknown = key === 'publish' ? publish : Reflect.get(target, key, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  it('writes each message once, in order, though confirmations are lost', async () => {
    const { seen, writer } = writerAfter(0)
    let calls = 0
    const lossy = withPublish(async (...args) => {
      const isLost = ++calls % 7 === 3
      const sequence = await stream.publish(...args)
      if (isLost) throw new Error('lost')
      return sequence
    })
    writer.connected(lossy)
    for (let offset = 1; offset <= 100; offset++) writer.write(ticks(offset))
    await writer.drained()
    expect(await offsetsIn(100)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
    expect((await stream.state())!.lastSequence).toBe(100)
    expect(seen.stored).toBe(100)
    expect(seen.ends).toEqual([])
    expect(seen.failures).toContain('lost')
  })

  it('writes what was lost on its way', async () => {
    const { seen, writer } = writerAfter(0)
    let calls = 0
    const lossy = withPublish(async (...args) => {
      if (++calls % 7 === 3) throw new Error('lost')
      return await stream.publish(...args)
    })
    writer.connected(lossy)
    for (let offset = 1; offset <= 100; offset++) writer.write(ticks(offset))
    await writer.drained()
    expect(await offsetsIn(100)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
    expect(seen.stored).toBe(100)
  })

  it('ends without a further message when another writer has written', async () => {
    const one = writerAfter(0)
    one.writer.connected(stream)
    one.writer.write(ticks(1))
    await one.writer.drained()
    const two = writerAfter(1)
    two.writer.connected(stream)
    two.writer.write({ ...ticks(2), relay: 'other' })
    await two.writer.drained()
    for (let offset = 2; offset <= 5; offset++) one.writer.write({ ...ticks(offset), epoch: 'F' })
    await one.writer.drained()
    expect(one.seen.ends).toEqual(['fenced'])
    expect(await offsetsIn(3)).toEqual([1, 2, undefined])
  })

  it('ends when the stream has lost what it had confirmed', async () => {
    const { seen, writer } = writerAfter(0)
    writer.connected(stream)
    writer.write(ticks(1))
    await writer.drained()
    await setUpStreamAnew()
    writer.write(ticks(2))
    await writer.drained()
    expect(seen.ends).toEqual(['regressed'])
  })

  it('gives up no message of a server that refuses them for a time', async () => {
    const { seen, writer } = writerAfter(0)
    let isFull = true
    writer.connected(
      withPublish(async (...args) => {
        if (isFull) throw new Error('no space left on device')
        return await stream.publish(...args)
      }),
    )
    writer.write(ticks(1))
    while (seen.failures.length < 3) await new Promise(resolve => setImmediate(resolve))
    expect(writer.isBusy).toBe(true)
    isFull = false
    await writer.drained()
    expect(await offsetsIn(1)).toEqual([1])
    expect(writer.queuedBytes).toBe(0)
  })

  async function setUpStreamAnew(): Promise<void> {
    const { jetstreamManager } = await import('../../src/sources/nats/nats-js.js')
    await (await jetstreamManager(connection)).streams.delete(stream.name)
    await setUpStream(stream, RETENTION)
  }
})
