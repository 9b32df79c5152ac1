import { describe, expect, it } from 'vitest'
import { AUDIENCE_FRAMES, REPLY, TURN_BEGIN, TURN_END } from '../../src/memory/frame-descriptor.js'
import { PROMPT } from '../../src/memory/turn-descriptor.js'
import { streamOf } from '../support/lane-messages.js'
import { LaneStage } from '../support/lane-stage.js'
import { checkClient } from '../support/stays.js'

describe('a lane', () => {
  it('sends each tick once, in order, to an audience of all symbols', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.tick({ symbol: 'A' })
    stage.batch([{ symbol: 'B' }, { symbol: 'A' }, { symbol: 'C' }])
    stage.run()
    expect(streamOf(client.messages, 0)).toEqual(['A1', 'B2', 'A3', 'C4'])
    expect(client.messages).toMatchObject([{ type: 'ticks', seq: 1, offset: 4 }])
  })

  it('sends an audience the symbols it names, and no others', () => {
    const stage = new LaneStage()
    const some = stage.listen({ symbols: ['A', '€'] }, 1)
    const all = stage.listen({}, 2)
    const none = stage.listen({ symbols: ['Z'] }, 3)
    for (const symbol of ['B', 'A', 'B', '€', 'AA']) stage.tick({ symbol })
    stage.run()
    expect(streamOf(some.messages, 0)).toEqual(['A2', '€4'])
    expect(streamOf(all.messages, 0)).toEqual(['B1', 'A2', 'B3', '€4', 'AA5'])
    expect(none.messages).toEqual([])
  })

  it('sends each tick as a message of its own where that is asked for', () => {
    const stage = new LaneStage()
    const client = stage.listen({ batch: false })
    stage.batch([{}, {}])
    stage.malformed()
    stage.tick({})
    stage.run()
    expect(client.messages).toMatchObject([
      { type: 'ticks', seq: 1, offset: 1, ticks: [{ sequence: 1 }] },
      { type: 'ticks', seq: 2, offset: 2, ticks: [{ sequence: 2 }] },
      { type: 'gap', from: 3, to: 3, missed: 1, seq: 2 },
      { type: 'ticks', seq: 3, offset: 4, ticks: [{ sequence: 4 }] },
    ])
  })

  it('keeps two turns ahead of the transmitter and collects the rest into the next', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    const turnsBefore = stage.turns
    stage.isBusy = true
    stage.run([
      ...[1, 2, 3, 4, 5, 6].map(() => () => void stage.tick({})),
      () => {
        stage.isBusy = false
      },
    ])
    expect(client.messages.map(message => message.type === 'ticks' && message.ticks.length)).toEqual([
      1, 1, 4,
    ])
    expect(stage.turns - turnsBefore).toBe(3)
  })

  it('replies to a client that changes its symbols while the transmitter takes no turn, behind all ticks that the client was due', () => {
    const stage = new LaneStage()
    stage.listen({ symbols: ['A', 'B'] })
    stage.open(2, { symbols: ['B', 'C'] })
    const client = stage.join(7, 1)
    stage.run()
    client.messages.length = 0
    stage.isBusy = true
    stage.run([
      () => void stage.tick({ symbol: 'A' }),
      () => void stage.tick({ symbol: 'B' }),
      () => stage.batch([{ symbol: 'A' }, { symbol: 'B' }, { symbol: 'C' }]),
      () => void stage.join(7, 2),
      () => void stage.tick({ symbol: 'C' }),
      () => {
        const turnsBefore = stage.turns
        stage.published.length = 0
        stage.drain()
        expect(stage.turns - turnsBefore).toBe(2)
        expect(client.audience).toBe(2)
        stage.isBusy = false
      },
    ])
    const kinds = stage.published.map(({ kind }) => kind)
    const begin = stage.published.findIndex(each => each.kind === TURN_BEGIN && each.pace === PROMPT)
    expect(kinds.slice(begin, begin + 5)).toEqual([
      TURN_BEGIN,
      // Of the audience that the client leaves, and of the one that it joins.
      ...[AUDIENCE_FRAMES, AUDIENCE_FRAMES],
      ...[REPLY, TURN_END],
    ])
    expect(kinds.slice(0, begin).filter(kind => kind === TURN_END)).toHaveLength(2)
    checkClient(stage, client)
    for (const each of stage.clients.values()) checkClient(stage, each)
  })

  it('replies to a client that changes its symbols while the latest ticks of others wait for a turn', () => {
    const stage = new LaneStage()
    stage.listen({ symbols: ['A'] })
    stage.open(2, { symbols: ['B'] })
    stage.open(3, { symbols: [], latest: [{ intervalMs: 0, symbols: ['A'] }] })
    const client = stage.join(7, 1)
    stage.join(8, 3)
    stage.run()
    stage.isBusy = true
    stage.run([
      () => void stage.tick({}),
      () => void stage.tick({}),
      () => void stage.tick({}),
      () => void stage.join(7, 2),
      () => {
        stage.drain()
        expect(client.audience).toBe(2)
        stage.isBusy = false
      },
    ])
    for (const each of stage.clients.values()) checkClient(stage, each)
  })

  it('flushes an audience a few times before each paced turn, however many clients change their symbols', () => {
    const stage = new LaneStage()
    stage.listen({ symbols: ['A'] })
    stage.open(2, { symbols: ['B'] })
    const clients = Array.from({ length: 20 }, (_, index) => 7 + index)
    const last = clients.at(-1)!
    for (const client of clients) stage.join(client, 1)
    stage.run()
    stage.isBusy = true
    stage.published.length = 0
    const changes = clients.flatMap(client => [() => void stage.tick({}), () => void stage.join(client, 2)])
    stage.run([
      ...changes,
      () => {
        stage.drain()
        const records = stage.records.filter(({ audience }) => audience === 1)
        // With two turns, and four times before each of them and behind.
        expect(records.length).toBeLessThanOrEqual(2 + 3 * 4)
        expect(stage.clients.get(7)!.audience).toBe(2)
        expect(stage.clients.get(last)!.audience).toBe(1)
        stage.isBusy = false
      },
    ])
    for (const client of stage.clients.values()) checkClient(stage, client)
    expect(stage.clients.get(last)!.audience).toBe(2)
  })

  it('reads on when a prompt turn has emptied the full plan of an audience', () => {
    const stage = new LaneStage({ turnBytesMax: 1024 })
    stage.open(1, { symbols: ['A'] })
    stage.open(2, { symbols: ['B'] })
    const client = stage.join(7, 1)
    stage.run()
    stage.isBusy = true
    stage.run([
      () => void stage.tick({}),
      () => void stage.tick({}),
      () => {
        for (let tick = 0; tick < 5; tick++) stage.tick({})
        stage.join(7, 2)
        for (let tick = 0; tick < 20; tick++) stage.tick({})
        stage.tick({ symbol: 'B' })
      },
      () => {
        stage.isBusy = false
      },
    ])
    expect(client.audience).toBe(2)
    expect(client.messages.at(-1)).toMatchObject({ type: 'ticks', ticks: [{ symbol: 'B' }] })
    checkClient(stage, client)
  })

  it('collects all ticks that there are into the second turn, while the first is being transmitted', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    for (let tick = 0; tick < 100; tick++) stage.tick({})
    stage.isBusy = true
    stage.run([
      () => {
        stage.isBusy = false
      },
    ])
    expect(client.messages.map(message => message.type === 'ticks' && message.ticks.length)).toEqual([16, 84])
  })

  it('lets the main thread overwrite published records, though there is always more to read', () => {
    const stage = new LaneStage({ turnBytesMax: 2048 })
    stage.listen()
    for (let tick = 0; tick < 100; tick++) stage.tick({})
    let committed = 0
    stage.isBusy = true
    stage.run([
      () => {
        committed = stage.state.serialLow()
        stage.isBusy = false
      },
    ])
    // Two full turns; the third is gathering.
    expect(committed).toBeGreaterThan(20)
    expect(committed).toBeLessThan(80)
    expect(stage.state.serialLow()).toBe(100)
  })

  it.each(['json', 'protobuf'] as const)(
    'stamps %s with the time of the system, which may be stepped',
    encoding => {
      const stage = new LaneStage()
      const client = stage.listen({ stamps: true, encoding })
      stage.tick({})
      stage.run()
      const receivedUs = stage.records.at(-1)!.receivedUs
      const hourUs = 3_600_000_000
      stage.clock.stepUs = hourUs
      stage.tick({})
      stage.run()
      const nowUs = stage.clock.epochUs()
      expect(client.messages).toMatchObject([
        { published: nowUs, received: [receivedUs] },
        { published: nowUs + hourUs, received: [receivedUs + hourUs] },
      ])
      // Durations are measured by what the clock of the system does not change.
      expect(stage.records.at(-1)!.receivedUs).toBe(receivedUs)
    },
  )

  it('counts its ticks, turns and bytes', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.batch([{}, {}, {}])
    stage.malformed()
    stage.run()
    expect([stage.counter('ticksDecoded'), stage.counter('ticksMalformed')]).toEqual([3, 1])
    expect(stage.counter('framesBytes')).toBeGreaterThan(100)
    expect(stage.counter('turns')).toBe(stage.turns)
  })

  it('describes how far each audience is', () => {
    const stage = new LaneStage()
    stage.listen({ symbols: ['A'] })
    stage.tick({})
    stage.tick({ symbol: 'B' })
    stage.malformed()
    stage.lost('malformed', null)
    stage.run()
    const last = stage.records.at(-1)
    expect(last).toMatchObject({
      ticksTotal: 1,
      lostTotal: 1,
      unknownLosses: 1,
      statusNumber: 0,
      lastOffset: 4,
      receivedUs: 1,
    })
  })
})

it('says when the first tick of its frames came in, also behind a gap; of a gap alone it says nothing', () => {
  const stage = new LaneStage()
  stage.listen()
  stage.malformed()
  stage.batch([{}, {}])
  stage.run()
  stage.malformed()
  stage.run()
  const frames = stage.records
  expect(frames.map(({ receivedUs }) => receivedUs)).toEqual([1, 0])
})

describe('a loss', () => {
  it('of malformed ticks is told to all audiences in its place, neighbours as one', () => {
    const stage = new LaneStage()
    const all = stage.listen({}, 1)
    const others = stage.listen({ symbols: ['Z'] }, 2)
    stage.tick({})
    stage.malformed()
    stage.malformed()
    stage.batch([{}, { symbol: '' }, {}])
    stage.run()
    expect(streamOf(all.messages, 0)).toEqual(['A1', 'malformed:2-3:2', 'A4', 'malformed:5-5:1', 'A6'])
    expect(streamOf(others.messages, 0)).toEqual(['malformed:2-3:2', 'malformed:5-5:1'])
  })

  it('of a symbol that is not UTF-8 is one of a malformed tick', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    const bytes = Uint8Array.from([0x0a, 2, 0xc3, 0x28, 0x10, 1])
    stage.log.tryAppend(1, 1, ++stage.serial, ++stage.offset, 1, bytes, 0, bytes.length)
    stage.run()
    expect(streamOf(client.messages, 0)).toEqual(['malformed:1-1:1'])
  })

  it('of a quarantined tick is told without decoding the tick', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.poison.push(2, 3)
    stage.batch([{}, {}, {}, {}])
    stage.run()
    expect(streamOf(client.messages, 0)).toEqual(['A1', 'poison:2-3:2', 'A4'])
    expect([stage.counter('ticksPoison'), stage.counter('ticksDecoded')]).toEqual([2, 2])
  })

  it('that the main thread tells of is told, also when all before it was sent', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.run([
      () => void stage.tick({}),
      () => stage.lost('overload', 17),
      () => void stage.tick({}),
      () => stage.lost('malformed', null),
    ])
    expect(streamOf(client.messages, 0)).toEqual(['A1', 'overload:2-18:17', 'A19', 'malformed:20-20:null'])
  })

  it('of ticks that never came is told in its place, and has no offsets', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.run([
      () => void stage.tick({}),
      () => stage.gap('upstream', 2 ** 40),
      () => stage.gap('upstream', null),
      () => {
        stage.malformed()
        stage.gap('malformed', 3)
        stage.malformed()
      },
      () => void stage.tick({}),
    ])
    expect(streamOf(client.messages, 0)).toEqual([
      ...['A1', `upstream:2-1:${2 ** 40}`, 'upstream:3-2:null'],
      ...['malformed:4-4:1', 'malformed:5-4:3', 'malformed:6-6:1', 'A7'],
    ])
  })

  it('of unknown size stays unknown beside one of known size', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.lost('malformed', null)
    stage.malformed()
    stage.malformed()
    stage.lost('malformed', null)
    stage.run()
    expect(streamOf(client.messages, 0)).toEqual([
      'malformed:1-1:null',
      'malformed:2-3:2',
      'malformed:4-4:null',
    ])
  })

  it('in the positions is told exactly, and offsets have the same hole', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.tick({})
    stage.hole(2 ** 40)
    stage.batch([{}, {}])
    stage.hole(3)
    stage.run()
    expect(streamOf(client.messages, 0)).toEqual([
      ...['A1', `upstream:2-${2 ** 40 + 1}:${2 ** 40}`, `A${2 ** 40 + 2}`, `A${2 ** 40 + 3}`],
      `upstream:${2 ** 40 + 4}-${2 ** 40 + 6}:3`,
    ])
  })
})

describe('an epoch', () => {
  it('begins behind a gap that names it and its first offset', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.tick({})
    stage.beginEpoch('f', 1)
    stage.tick({})
    stage.run()
    expect(client.messages).toMatchObject([
      { type: 'ticks', offset: 1 },
      { type: 'gap', reason: 'upstream', from: 1, to: 0, missed: null, epoch: 'f', offset: 0, seq: 1 },
      { type: 'ticks', offset: 1, seq: 2 },
    ])
    const late = stage.join(7, 1)
    stage.run()
    expect(late.messages).toMatchObject([{ type: 'subscribed', epoch: 'f', offset: 1 }])
  })

  it('is told to a client that was behind, with the number of ticks that it missed', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.tick({})
    stage.run()
    stage.fallBehind(client.id)
    stage.tick({})
    stage.beginEpoch('f', 500)
    stage.tick({})
    stage.run()
    client.messages.length = 0
    stage.comeBack(client.id)
    stage.run()
    expect(client.messages).toMatchObject([
      { type: 'gap', reason: 'upstream', from: 501, to: 500, missed: null, epoch: 'f' },
      { type: 'gap', reason: 'slow', from: 501, to: 500, missed: 2 },
      { type: 'snapshot', offset: 500 },
    ])
  })

  it('is told to clients of latest ticks before the first tick of it', () => {
    const stage = new LaneStage()
    const client = stage.listen({ symbols: [], latest: [{ intervalMs: 0, symbols: ['*'] }] })
    stage.run([() => void stage.tick({}), () => stage.beginEpoch('f', 90), () => void stage.tick({})])
    expect(client.messages).toMatchObject([
      { type: 'ticks', offset: 1 },
      { type: 'gap', missed: null, epoch: 'f' },
      { type: 'ticks', offset: 90 },
    ])
  })
})

describe('a client', () => {
  it('joins at the end of a turn: what comes after its offset, it gets', () => {
    const stage = new LaneStage()
    const early = stage.listen()
    stage.tick({})
    const late = stage.join(7, 1)
    stage.tick({})
    stage.run([() => void stage.tick({})])
    expect(streamOf(early.messages, 0)).toEqual(['A1', 'A2', 'A3'])
    expect(late.messages).toMatchObject([
      {
        type: 'subscribed',
        symbols: ['*'],
        client: 'c7',
        epoch: 'e',
        offset: 2,
        seq: 1,
        batch: true,
      },
      { type: 'ticks', seq: 2, offset: 3 },
    ])
  })

  it('that fell behind is told what it missed, and what the others were told meanwhile', () => {
    const stage = new LaneStage()
    stage.listen({ symbols: ['A'] })
    const slow = stage.join(8, 1)
    stage.run([() => void stage.tick({})])
    const { progress } = stage.audiences.get(1)!
    slow.messages.length = 0
    slow.isReceiving = false
    for (const symbol of ['A', 'B', 'A']) stage.tick({ symbol })
    stage.malformed()
    stage.run()
    stage.join(8, 1, progress)
    stage.run([() => void stage.tick({})])
    expect(streamOf(slow.messages, 2)).toEqual(['slow:2-5:2', 'upstream:2-5:1', 'A6'])
    stage.lost('malformed', null)
    stage.run()
    slow.messages.length = 0
    stage.join(8, 1, progress)
    stage.run()
    expect(streamOf(slow.messages, 3)).toEqual(['slow:2-7:3', 'upstream:2-7:null'])
  })

  it('of an audience that closed in the same turn gets no reply', () => {
    const stage = new LaneStage()
    const client = stage.join(1, 1)
    stage.open(1)
    stage.join(1, 1)
    stage.close(1)
    stage.tick({})
    stage.run()
    expect(client.messages).toEqual([])
    const nothing: readonly number[] = [TURN_BEGIN, TURN_END]
    expect(stage.published.filter(({ kind }) => !nothing.includes(kind))).toEqual([])
  })
})

describe('a full frame ring', () => {
  /** 8 segments of 8 KiB: turns of 1 KiB each. */
  const SMALL = { frameRingBytes: 65_536, turnBytesMax: 1024, scratchBytes: 1 << 16 }

  it('makes a half-written turn wait until there is room', () => {
    const stage = new LaneStage(SMALL)
    const clients = Array.from({ length: 40 }, (_, index) =>
      stage.listen({ batch: index % 2 === 0 }, index + 1),
    )
    for (let tick = 0; tick < 400; tick++) stage.tick({ symbol: 'A'.repeat(1 + (tick % 64)), bid: 1 / 3 })
    stage.run()
    for (const { messages } of clients)
      expect(streamOf(messages, 0).map(text => text.replace(/^A+/, ''))).toEqual(
        Array.from({ length: 400 }, (_, index) => String(index + 1)),
      )
    expect(stage.framesBytesMax).toBeGreaterThan(1024 * 0.75)
    expect(stage.framesBytesMax).toBeLessThanOrEqual(1024 + 2048)
  })

  it('lets more descriptors than the ring holds wait', () => {
    // Bytes there are enough.
    const stage = new LaneStage({ frameRingBytes: 1 << 23 })
    for (let audience = 1; audience <= stage.layout.descriptorCount + 100; audience++) {
      stage.open(audience)
      if (audience % 1000 === 0) stage.run()
    }
    const first = stage.join(1, 1)
    const last = stage.join(2, stage.layout.descriptorCount + 100)
    stage.run()
    for (let round = 0; round < 3; round++) stage.tick({})
    stage.run()
    expect(streamOf(first.messages.slice(1), 0)).toEqual(['A1', 'A2', 'A3'])
    expect(streamOf(last.messages.slice(1), 0)).toEqual(['A1', 'A2', 'A3'])
  })

  it('ends a lane that is told to stop while it waits', () => {
    const stage = new LaneStage(SMALL)
    for (let audience = 1; audience <= 80; audience++) stage.open(audience)
    stage.run()
    for (let tick = 0; tick < 4; tick++) stage.tick({ symbol: '\u0001'.repeat(60) })
    stage.isBusy = true
    expect(stage.run()).toBe(true)
    expect(stage.ring.freeSegments()).toBe(0)
    expect(stage.records).toEqual([])
  })
})
