import { describe, expect, it } from 'vitest'
import type { StreamMessage } from '../../../src/sources/nats/stream-message.js'
import { StreamPlace } from '../../../src/sources/nats/stream-place.js'
import type { StoredMessage, StreamState, TickStream } from '../../../src/sources/nats/tick-stream.js'
import { encodeTickBatch } from '../../support/proto-messages.js'
import { RecordingSink } from '../../support/recording-sink.js'
import { ticksAt } from '../../support/scripted-feed.js'

/** A stream that a test fills. */
class FakeStream {
  created = 'one'
  readonly messages = new Map<number, StoredMessage>()
  lastSequence = 0

  /** Stores ticks from this position on, at the next sequence. */
  store(offset: number, frame: Partial<StreamMessage> = {}): StoredMessage {
    const sequence = ++this.lastSequence
    const stored: StoredMessage = {
      sequence,
      storedAtNs: BigInt(sequence) * 1000n + BigInt(this.created.length),
      messageId: `${this.created}:${offset}`,
      message: {
        relay: 'R',
        epoch: 'E',
        feedEpoch: 'E',
        feed: 'live',
        server: 'S',
        schema: undefined,
        kind: 'ticks',
        offset,
        count: 1,
        data: encodeTickBatch({ ticks: ticksAt(offset) }),
        ...frame,
      } as StreamMessage,
    }
    this.messages.set(sequence, stored)
    return stored
  }

  get asStream(): TickStream {
    const state = async (): Promise<Partial<StreamState>> => ({
      created: this.created,
      firstSequence: Math.min(this.lastSequence + 1, ...this.messages.keys()),
      lastSequence: this.lastSequence,
    })
    return {
      name: 'fake',
      state,
      message: async (at: number) => this.messages.get(at),
    } as unknown as TickStream
  }
}

function begin(schema?: string) {
  const stream = new FakeStream()
  const sink = new RecordingSink()
  const lines: string[] = []
  const log = { info: () => {}, warn: (line: string) => void lines.push(line) }
  const place = new StreamPlace(sink, schema, log, () => {})
  const find = () => place.find(stream.asStream)
  return { stream, sink, place, find, lines }
}

describe('StreamPlace', () => {
  it('begins behind the newest message, and there again while none has come', async () => {
    const { find, stream } = begin()
    stream.store(1)
    expect(await find()).toEqual({ sequence: 2 })
    const { find: findEmpty, stream: empty } = begin()
    expect(await findEmpty()).toEqual({ sequence: 1 })
    empty.store(1)
    empty.store(2)
    expect(await findEmpty()).toEqual({ sequence: 1 })
  })

  it('tells a hole between the place where it begins and the first tick, and leaves others to the sink', async () => {
    const { find, place, sink, stream } = begin()
    stream.store(5)
    await find()
    place.take(stream.store(9))
    place.take(stream.store(12))
    expect(sink.losses.map(({ missed }) => missed)).toEqual([3])
    expect(sink.offsets).toEqual(['E:9', 'E:12'])
  })

  it('leaves the holes of an epoch that a relay counts to the sink, too: offsets are positions for it', async () => {
    const { find, place, sink, stream } = begin()
    await find()
    const frame = { feedEpoch: undefined }
    for (const offset of [1, 2, 6]) place.take(stream.store(offset, frame))
    place.take(stream.store(3, { ...frame, epoch: 'F' }))
    expect(sink.events).toEqual(['session 1', 'push 1', 'push 1', 'push 1', 'session 2', 'push 1'])
    expect(sink.offsets).toEqual(['E:1', 'E:2', 'E:6', 'F:3'])
  })

  it('goes on behind the last message, also when the stream has removed it', async () => {
    const { find, place, sink, stream } = begin()
    await find()
    place.take(stream.store(1))
    expect(await find()).toEqual({ sequence: 2 })
    stream.store(2)
    stream.messages.clear()
    expect(await find()).toEqual({ sequence: 2 })
    expect(sink.sessions.map(({ continuous }) => continuous)).toEqual([false, true, true])
  })

  it.each<[string, (stream: FakeStream) => void]>([
    [
      'another message is where the last one was',
      stream => {
        stream.messages.set(2, { ...stream.messages.get(2)!, storedAtNs: 9n })
      },
    ],
    [
      'the stream ends before it',
      stream => {
        stream.lastSequence = 1
      },
    ],
    [
      'the stream was made anew',
      stream => {
        stream.created = 'other'
      },
    ],
  ])('reads what was stored later when %s, and drops what it has', async (_, damage) => {
    const { find, lines, place, sink, stream } = begin()
    await find()
    place.take(stream.store(1))
    const last = stream.store(2)
    place.take(last)
    damage(stream)
    expect(await find()).toEqual({ storedFromNs: last.storedAtNs + 1n })
    expect(sink.sessions.at(-1)).toMatchObject({ continuous: true, epoch: 'E' })
    expect(lines).toEqual(['the stream has lost messages that were read, up to sequence 2'])
    for (const offset of [1, 2, 3]) place.take(stream.store(offset))
    expect(sink.offsets).toEqual(['E:1', 'E:2', 'E:3'])
  })

  it('drops nothing of an epoch that a relay counts', async () => {
    const { find, place, sink, stream } = begin()
    await find()
    place.take(stream.store(1, { feedEpoch: undefined }))
    stream.created = 'other'
    await find()
    expect(sink.sessions.at(-1)).toMatchObject({ continuous: false })
    place.take(stream.store(1, { feedEpoch: undefined, epoch: 'F' }))
    expect(sink.offsets).toEqual(['E:1', 'F:1'])
  })

  it('gives the sink no tick of another schema, and says why none come', async () => {
    const { find, lines, place, sink, stream } = begin('one')
    await find()
    place.take(stream.store(1, { schema: 'one' }))
    place.take(stream.store(2, { schema: 'two' }))
    expect(sink.offsets).toEqual(['E:1'])
    expect(place.outage).toMatch(/must be started anew/)
    expect(lines).toEqual([expect.stringMatching(/another schema: start the gateway anew/)])
    place.take(stream.store(3, { schema: 'one' }))
    expect(place.outage).toBeUndefined()
    expect(sink.offsets).toEqual(['E:1', 'E:3'])
  })

  it('knows from the newest message whether the feed is there', async () => {
    const { find, place, stream } = begin()
    stream.store(1, { feed: 'down' })
    await find()
    expect(place.outage).toMatch(/the relay has lost the feed/)
    const status = { kind: 'status', state: 'down', reason: 'closed for today', feed: 'down' } as const
    place.take(stream.store(1, status))
    expect(place.outage).toBe('closed for today')
    place.take(stream.store(2))
    expect(place.outage).toBeUndefined()
  })

  it('skips messages that no relay has written', async () => {
    const { find, place, sink, stream } = begin()
    await find()
    place.take({ ...stream.store(1), message: undefined })
    place.take(stream.store(2))
    expect(sink.offsets).toEqual(['E:2'])
  })
})
