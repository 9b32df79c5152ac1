import { describe, expect, it } from 'vitest'
import { RelayCounters } from '../../src/relay/relay-counters.js'
import { RelaySink } from '../../src/relay/relay-sink.js'
import type { StreamWriter } from '../../src/relay/stream-writer.js'
import { type StreamEnd, TickNumbering } from '../../src/relay/tick-numbering.js'
import type { StreamMessage } from '../../src/sources/nats/stream-message.js'
import { marketCodec } from '../../src/ticks/market-codec.js'
import { decodeTickBatch, encodeTickBatch } from '../support/proto-messages.js'
import { ticksAt } from '../support/scripted-feed.js'

const RULES = { tellLosses: true, areRepeated: false }
const MALFORMED = Buffer.from([0x0a, 0x02, 0xff, 0xff])
const QUEUE_BYTES_MAX = 1000

/** A sink whose writer keeps what it is given. */
function begin(end?: StreamEnd, isWhole = true) {
  const written: StreamMessage[] = []
  const writer = {
    isBusy: false,
    queuedBytes: 0,
    write(message: StreamMessage) {
      written.push(message)
    },
  }
  const pauses: boolean[] = []
  const counters = new RelayCounters()
  const numbering = new TickNumbering(end, isWhole, RULES, marketCodec.tickBytesMax)
  const sink = new RelaySink({
    codec: marketCodec,
    numbering,
    writer: writer as unknown as StreamWriter,
    counters,
    frame: { relay: 'R', schema: undefined },
    serverId: () => 'S',
    feed: 'live',
    queueBytesMax: QUEUE_BYTES_MAX,
    source: { pause: () => pauses.push(true), resume: () => pauses.push(false) },
  })
  const push = (...positions: number[]) =>
    sink.push(encodeTickBatch({ ticks: ticksAt(...positions) }), 'batch')
  /** 'E 5+2' for two ticks from offset 5 on, 'lost 3', and so on. */
  const said = (): string[] => {
    sink.flush()
    return written.splice(0).map(message => {
      if (message.kind === 'loss') return `${message.reason} ${message.missed}`
      if (message.kind !== 'ticks') return message.kind
      expect(decodeTickBatch(Buffer.from(message.data)).ticks).toHaveLength(message.count)
      return `${message.epoch} ${message.offset}+${message.count}`
    })
  }
  return { counters, numbering, pauses, push, said, sink, writer }
}

describe('RelaySink', () => {
  it('writes ticks whose positions follow one another as one message', () => {
    const { push, said, sink } = begin()
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    push(5, 6)
    push(7)
    push(9, 10)
    expect(said()).toEqual(['E 5+3', 'E 9+2'])
  })

  it('takes the position of the first tick from the message, whose ticks then need none', () => {
    const { said, sink } = begin()
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    const batch = encodeTickBatch({ ticks: ticksAt(0, 0) })
    const position = Buffer.from([0x10, 0x85, 0x01])
    sink.push(Buffer.concat([position, batch]), 'batch')
    sink.push(Buffer.concat([batch, Buffer.from([0x10, 0x87, 0x01])]), 'batch')
    sink.push(batch, 'batch', 2 ** 40)
    expect(said()).toEqual(['E 133+4', `E ${2 ** 40}+2`])
  })

  it('leaves out ticks that the feed sends again when its stream begins anew', () => {
    const { counters, push, said, sink } = begin()
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    push(5, 6, 7)
    sink.sessionStarted({ number: 2, continuous: true, epoch: 'E' })
    push(6, 7, 8)
    expect(said()).toEqual(['E 5+4'])
    expect(counters.ticksRepeated).toBe(2)
  })

  it('has a hole for ticks for which there is no room, and pauses the feed before that', () => {
    const { counters, pauses, push, said, sink, writer } = begin()
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    push(1)
    writer.isBusy = true
    writer.queuedBytes = QUEUE_BYTES_MAX / 2 + 1
    push(2)
    expect(pauses).toEqual([true])
    writer.queuedBytes = QUEUE_BYTES_MAX + 1
    push(3, 4, 5)
    writer.queuedBytes = 0
    sink.hasRoom()
    expect(pauses).toEqual([true, false])
    push(6)
    expect(said()).toEqual(['E 1+2', 'E 6+1'])
    expect(counters.ticksLost).toBe(3)
  })

  it('has a hole for lost ticks of a feed that it counts, too', () => {
    const { push, said, sink, writer } = begin()
    sink.sessionStarted({ number: 1, continuous: false })
    push(0, 0)
    writer.queuedBytes = QUEUE_BYTES_MAX + 1
    push(0, 0, 0)
    writer.queuedBytes = 0
    push(0)
    const [first = '', second = ''] = said()
    const [epoch] = first.split(' ')
    expect([first, second]).toEqual([`${epoch} 1+2`, `${epoch} 6+1`])
  })

  it('tells a tick that cannot be read once: as a hole where it had a position, as a loss otherwise', () => {
    const { push, said, sink } = begin()
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    push(1)
    sink.push(MALFORMED, 'batch')
    push(3)
    sink.push(MALFORMED, 'batch')
    push(4)
    expect(said()).toEqual(['E 1+1', 'E 3+1', 'malformed 1', 'E 4+1'])
  })

  it('tells a message that cannot be taken apart as a loss of unknown size', () => {
    const { push, said, sink } = begin()
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    push(1)
    sink.push(Buffer.from([0x0a, 0x70, 0x01]), 'batch')
    push(2)
    expect(said()).toEqual(['E 1+1', 'malformed null', 'E 2+1'])
  })

  it('puts the state of the feed behind the ticks that came before it', () => {
    const { push, said, sink } = begin()
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    push(1)
    sink.setSourceState('down', 'gone')
    sink.setSourceState('down', 'gone')
    sink.setSourceState('live')
    push(2)
    expect(said()).toEqual(['E 1+1', 'status', 'status', 'E 2+1'])
  })

  it('goes on with the epoch and the positions of the stream', () => {
    const { push, said, sink } = begin({ epoch: 'E', feedEpoch: 'E', lastOffset: 7 })
    expect(sink.lastPosition()).toBe(7)
    sink.sessionStarted({ number: 1, continuous: true, epoch: 'E' })
    push(8, 10)
    expect(said()).toEqual(['E 8+1', 'E 10+1'])
  })

  it('begins the epoch of a feed that counts anew', () => {
    const { push, said, sink } = begin({ epoch: 'E', feedEpoch: 'E', lastOffset: 7 })
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'F' })
    push(3)
    expect(said()).toEqual(['F 3+1'])
  })

  it('does not begin an epoch a second time: positions that went back have a new one', () => {
    const { push, said, sink } = begin({ epoch: 'E', feedEpoch: 'E', lastOffset: 7 })
    sink.sessionStarted({ number: 1, continuous: false, epoch: 'E' })
    push(3)
    const [first = ''] = said()
    expect(first).toMatch(/^(?!E ).* 3\+1$/)
  })

  it.each([
    ['goes on', true],
    ['begins anew, where the end of the stream may be missing,', false],
  ])('%s with an epoch of its own, behind a gap', (_, isWhole) => {
    const { push, said, sink } = begin({ epoch: 'own', feedEpoch: undefined, lastOffset: 7 }, isWhole)
    sink.sessionStarted({ number: 1, continuous: false })
    push(0)
    const words = said()
    if (isWhole) expect(words).toEqual(['upstream null', 'own 8+1'])
    else expect(words).toEqual([expect.stringMatching(/^(?!own ).* 1\+1$/)])
  })
})
