import { describe, expect, it } from 'vitest'
import type { SnapshotMessage, TicksMessage } from '../../../src/protocol/messages.js'
import { QUOTE, TRADE } from '../../../src/ticks/market-tick.js'
import type { Message } from '../../support/lane-messages.js'
import { LaneStage, type StageClient } from '../../support/lane-stage.js'
import { checkClient } from '../../support/stays.js'

/** A message in short: `A1 B2 +3` for the ticks of A and B with sequences 1 and 2, which stand for three more. */
function short(message: Message): string {
  if (message.type !== 'ticks' && message.type !== 'snapshot') return message.type
  const ticks = message.ticks.map(({ sequence, symbol }) => `${symbol}${sequence}`)
  const merged = message.type === 'ticks' && message.merged !== undefined ? [`+${message.merged}`] : []
  return [message.type === 'snapshot' ? 'latest:' : [], ticks, merged].flat().join(' ')
}

const shorts = ({ messages }: StageClient): string[] => messages.map(short)

/** The latest of these symbols and prefixes, by interval; and every tick of `symbols`. */
const latest = (entries: Record<number, string[]>, symbols: string[] = []) => ({
  symbols,
  latest: Object.entries(entries).map(([intervalMs, each]) => ({
    intervalMs: Number(intervalMs),
    symbols: each,
  })),
})

/** Steps of a stage: ticks of symbols that come together, or time that passes. */
function steps(stage: LaneStage, ...each: (string[] | number)[]): (() => void)[] {
  return each.map(step => () => {
    if (typeof step === 'number') stage.clock.advance(step)
    else stage.batch(step.map(symbol => ({ symbol })))
  })
}

describe('a conflation group', () => {
  it('is sent when its interval is over, and not before', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['*'] }))
    const seen: string[][] = []
    const look = () => void seen.push(shorts(client))
    const [ticksCome, almost, over] = steps(stage, ['A', 'A', 'B'], 99.9, 0.1)
    stage.run([ticksCome!, almost!, look, over!, look])
    expect(seen).toEqual([[], ['A2 B3 +1']])
    checkClient(stage, client)
  })

  it('has its interval begin anew with each time that it is sent', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['*'] }))
    const seen: number[] = []
    const look = () => void seen.push(client.messages.length)
    const [first, wait, late, second, almost, over] = steps(stage, ['A'], 100, 50, ['A'], 49, 1)
    stage.run([first!, wait!, look, late!, second!, look, almost!, look, over!, look])
    expect(seen).toEqual([1, 1, 1, 2])
  })

  it('of which nothing comes wakes the lane once and no more, whatever comes of others', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 1: ['A', 'B*'] }))
    const sleepsMs: number[] = []
    const look = () => void sleepsMs.push(stage.sleepMs)
    const [wait, other, late] = steps(stage, 1, ['C'], 1000)
    stage.run([look, wait!, look, other!, look, late!, look])
    expect(sleepsMs).toEqual([3, Infinity, Infinity, Infinity])
    expect(client.messages).toEqual([])
  })

  it('that had nothing to send for an interval sends the next tick at once, and what follows an interval later', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['A', 'B*'] }, ['C']))
    const seen: string[][] = []
    const look = () => void seen.push(shorts(client))
    const quiet = steps(stage, 100, 1000)
    const [first, second, almost, over] = steps(stage, ['B1', 'C', 'B1'], ['A', 'B2'], 99, 1)
    stage.run([...quiet, first!, look, second!, almost!, look, over!, look])
    expect(seen.at(-1)).toEqual(['C2', 'B13 +1', 'A4 B25'])
    expect(seen.map(({ length }) => length)).toEqual([2, 2, 3])
    stage.run([...quiet, ...steps(stage, ['A']), ...quiet, ...steps(stage, ['B1']), look])
    expect(seen.at(-1)!.slice(3)).toEqual(['A6', 'B17'])
    checkClient(stage, client)
  })

  it('that closes while it rests is forgotten', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 100: ['A'] }))
    const stays = stage.listen(latest({ 100: ['A'] }), 2)
    stage.run([...steps(stage, 100, 100), () => stage.close(1), ...steps(stage, ['A'])])
    expect(shorts(stays)).toEqual(['A1'])
    expect(stage.sleepMs).toBeCloseTo(102)
  })

  it('sends the ticks in the order in which they came, quotes and trades apart', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 50: ['*'] }))
    for (const [symbol, kind] of [
      ['C', QUOTE],
      ['A', QUOTE],
      ['B', TRADE],
      ['A', TRADE],
      ['A', QUOTE],
      ['C', QUOTE],
    ] as const)
      stage.tick({ symbol, kind })
    stage.run(steps(stage, 50))
    expect(client.messages).toMatchObject([
      {
        type: 'ticks',
        seq: 1,
        offset: 6,
        merged: 2,
        ticks: [
          { symbol: 'B', kind: 'trade', sequence: 3 },
          { symbol: 'A', kind: 'trade', sequence: 4 },
          { symbol: 'A', kind: 'quote', sequence: 5 },
          { symbol: 'C', kind: 'quote', sequence: 6 },
        ],
      },
    ])
  })

  it('leaves `merged` out where each tick stands for itself', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 50: ['*'] }))
    stage.run(steps(stage, ['A', 'B'], 50))
    expect(client.messages).toHaveLength(1)
    expect(client.messages[0]).not.toHaveProperty('merged')
  })

  it('of an interval of 0 is sent with each turn, and conflates what comes while the transmitter is busy', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 0: ['*'] }))
    stage.isBusy = true
    stage.run([
      ...steps(stage, ['A'], ['A', 'A'], ['A'], ['B', 'A']),
      () => {
        stage.isBusy = false
      },
      ...steps(stage, ['B']),
    ])
    expect(shorts(client)).toEqual(['A1', 'A3 +1', 'B5 A6 +1', 'B7'])
    checkClient(stage, client)
  })

  it('waits for nobody who is in another, whatever the intervals', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 0: ['Z'], 100: ['A'], 250: ['B*'] }, ['C']))
    stage.run(steps(stage, ['A', 'B', 'C', 'Z'], 100, ['A', 'B', 'C', 'B2', 'A'], 100, ['A'], 50, 50, 500))
    expect(shorts(client)).toEqual([...['C3', 'Z4', 'A1', 'C7', 'A9 +1', 'B6 B28 +1', 'A10']])
    checkClient(stage, client)
  })

  it('has the symbols whose longest entry says so', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['B*', 'C'], 250: ['BTC*'] }, ['*', 'BTCX']))
    const symbols = ['A', 'B', 'BTC', 'BTCX', 'BTCXY', 'C', 'CC']
    stage.run(steps(stage, symbols, 100, symbols, symbols, 100, 50))
    expect(shorts(client)).toEqual([
      'A1 BTCX4 CC7',
      'B2 C6',
      'A8 BTCX11 CC14',
      'A15 BTCX18 CC21',
      'B16 C20 +2',
      'BTC17 BTCXY19 +4',
    ])
    checkClient(stage, client)
  })

  it('takes in symbols that come by later, of a prefix', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['B*'] }))
    stage.run(steps(stage, ['B1'], 100, ['B2', 'A', 'B2'], 100, ['B3', 'B1'], 100))
    expect(shorts(client)).toEqual(['B11', 'B24 +1', 'B35 B16'])
    checkClient(stage, client)
  })

  it('sends each tick as a message of its own where that is asked for, the last one with `merged`', () => {
    const stage = new LaneStage()
    const client = stage.listen({ ...latest({ 100: ['*'] }), batch: false })
    stage.run(steps(stage, ['A', 'A', 'B', 'C', 'C'], 100))
    expect(client.messages).toMatchObject([
      { seq: 1, ticks: [{ sequence: 2 }] },
      { seq: 2, ticks: [{ sequence: 3 }] },
      { seq: 3, offset: 5, merged: 2, ticks: [{ sequence: 5 }] },
    ])
    for (const message of client.messages.slice(0, 2)) expect(message).not.toHaveProperty('merged')
    checkClient(stage, client)
  })

  it.each(['json', 'protobuf'] as const)('says the same as %s, with stamps', encoding => {
    const stage = new LaneStage()
    const client = stage.listen({ ...latest({ 100: ['A', 'B'] }, ['C']), encoding, stamps: true })
    stage.join(7, 1, null, ['*'])
    stage.run(steps(stage, ['A', 'A', 'C', 'B'], 100))
    stage.join(8, 1, null, ['*'])
    stage.run()
    const published = (afterMs: number) => 1_700_000_000_000_000 + afterMs * 1000
    expect(client.messages).toMatchObject([
      {
        type: 'ticks',
        seq: 1,
        offset: 3,
        published: published(0),
        received: [1],
        ticks: [{ symbol: 'C', sequence: 3 }],
      },
      {
        type: 'ticks',
        seq: 2,
        offset: 4,
        merged: 1,
        published: published(100),
        received: [1, 1],
        ticks: [{ sequence: 2 }, { sequence: 4 }],
      },
    ])
    expect(stage.clients.get(8)!.messages).toMatchObject([
      { type: 'subscribed', offset: 4, seq: 2 },
      {
        type: 'snapshot',
        seq: 2,
        offset: 4,
        published: published(100),
        received: [1, 1, 1],
        ticks: [{ sequence: 2 }, { sequence: 3 }, { sequence: 4 }],
      },
    ])
    for (const each of stage.clients.values()) checkClient(stage, each)
  })

  it.each([true, false])('goes into several messages where a turn cannot hold it, batch %s', batch => {
    const stage = new LaneStage({ turnBytesMax: 1024 })
    const client = stage.listen({ ...latest({ 100: ['*'] }), batch })
    const symbols = Array.from({ length: 50 }, (_, index) => `S${index}`)
    stage.run(steps(stage, symbols, symbols, 100))
    const messages = client.messages as TicksMessage[]
    expect(messages.length).toBeGreaterThan(4)
    expect(messages.flatMap(({ ticks }) => ticks.map(({ symbol }) => symbol))).toEqual(symbols)
    expect(messages.map(({ merged }) => merged)).toEqual([...messages.slice(1).map(() => undefined), 50])
    expect(stage.framesBytesMax).toBeLessThan(1024 + 2048)
    checkClient(stage, client)
  })

  it('is sent, however full of ticks in another encoding the turn is', () => {
    const stage = new LaneStage({ scratchBytes: 1 << 14, turnBytesMax: 16_384 })
    const json = stage.listen(latest({ 0: ['A'] }), 1)
    const protobuf = stage.listen({ encoding: 'protobuf' }, 2)
    for (let message = 0; message < 20; message++)
      stage.batch(Array.from({ length: 100 }, () => ({ symbol: 'A' })))
    stage.run()
    checkClient(stage, json)
    checkClient(stage, protobuf)
  })

  it('does not count what is no tick, was seen before, or kills lanes', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['*'] }))
    stage.poison.push(4)
    stage.tick({ position: 1, sequence: 1 })
    stage.malformed()
    stage.tick({ position: 1, sequence: 1 })
    stage.tick({ position: 3 })
    stage.tick({ position: 4 })
    stage.run(steps(stage, 100))
    expect(shorts(client)).toEqual(['gap', 'gap', 'A5 +1'])
  })

  it('sends nothing, and counts nothing, before somebody has joined', () => {
    const stage = new LaneStage()
    stage.open(1, latest({ 100: ['*'] }))
    stage.run(steps(stage, ['A', 'A'], 100))
    expect(stage.published.filter(({ length }) => length > 0)).toEqual([])
    const client = stage.join(1, 1)
    stage.run(steps(stage, ['A'], 100))
    expect(shorts(client)).toEqual(['subscribed', 'A3'])
    checkClient(stage, client)
  })

  it('that closes while it waits, or is about to be sent, is forgotten', () => {
    const stage = new LaneStage()
    const closes = stage.listen(latest({ 0: ['A'], 100: ['B'] }))
    const stays = stage.listen(latest({ 100: ['B'] }), 2)
    stage.run([
      ...steps(stage, ['B']),
      () => {
        stage.tick({ symbol: 'A' })
        stage.close(1)
      },
      ...steps(stage, 100, ['A', 'B'], 200),
    ])
    expect(shorts(closes)).toEqual([])
    expect(shorts(stays)).toEqual(['B1', 'B4'])
  })

  it('that closes wakes the lane no more: nothing of it is kept until it would have been due', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 60000: ['A'] }))
    stage.listen(latest({ 30000: ['A'] }), 2)
    stage.listen(latest({ 50000: ['A'] }), 3)
    stage.run([() => stage.close(2), () => expect(stage.sleepMs).toBeCloseTo(50_002), () => stage.close(1)])
    stage.run([() => stage.close(3), () => expect(stage.sleepMs).toBe(Number.POSITIVE_INFINITY)])
  })

  it('counts what it merged', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 100: ['*'] }))
    stage.run(steps(stage, ['A', 'A', 'A', 'B'], 100, ['A', 'A'], 100))
    expect(stage.counter('ticksConflated')).toBe(3)
  })
})

describe('a join', () => {
  it('flushes the waiting ticks, so that snapshot and stream repeat nothing and miss nothing', () => {
    const stage = new LaneStage()
    const early = stage.listen(latest({ 100: ['*'] }))
    stage.run([
      ...steps(stage, ['A', 'A', 'B']),
      () => void stage.join(7, 1, null, ['*']),
      ...steps(stage, 1, ['A'], 99, 100),
    ])
    expect(shorts(early)).toEqual(['A2 B3 +1', 'A4'])
    expect(shorts(stage.clients.get(7)!)).toEqual(['subscribed', 'latest: A2 B3', 'A4'])
    for (const client of stage.clients.values()) checkClient(stage, client)
  })

  it('gives a leaving client the waiting ticks of the audience that it leaves', () => {
    const stage = new LaneStage()
    const mover = stage.listen(latest({ 1000: ['*'] }), 1)
    stage.listen({}, 2)
    stage.run([...steps(stage, ['A', 'B', 'A']), () => void stage.join(100, 2), ...steps(stage, ['A', 'B'])])
    expect(shorts(mover)).toEqual(['B2 A3 +1', 'subscribed', 'A4 B5'])
    stage.run([() => void stage.join(100, 1), ...steps(stage, ['B', 'A', 'B'], 1000)])
    expect(shorts(mover).slice(3)).toEqual(['subscribed', 'A7 B8 +1'])
    checkClient(stage, mover)
  })

  it('and a leave flush the other members early only once in an interval', () => {
    const stage = new LaneStage()
    const stays = stage.listen(latest({ 1000: ['*'] }), 1)
    stage.listen(latest({ 1000: ['*'] }, ['Z']), 2)
    const toggle = (audience: number) => () => void stage.join(200, audience, null, ['A'])
    const change = () => [
      ...[...steps(stage, ['A', 'B', 'A'], 50), toggle(1)],
      ...[...steps(stage, ['B'], 50), toggle(2)],
    ]
    stage.run(Array.from({ length: 30 }, change).flat())
    // In three intervals.
    expect(stays.messages.length).toBeGreaterThanOrEqual(3)
    expect(stays.messages.length).toBeLessThanOrEqual(2 * 3)
    stage.run([...steps(stage, 1000), toggle(1), ...steps(stage, ['A'], 1000, 1000)])
    for (const client of stage.clients.values()) {
      expect(client.isReceiving).toBe(true)
      checkClient(stage, client)
    }
  })

  it('lets the client in after the next flush when the group was flushed early in this interval', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 1000: ['*'] }))
    const join = (id: number) => () => void stage.join(id, 1, null, ['*'])
    stage.run([...steps(stage, ['A', 'A']), join(7), ...steps(stage, ['A', 'B']), join(8), join(9)])
    const [late, mover] = [stage.clients.get(8)!, stage.clients.get(9)!]
    expect(shorts(late)).toEqual(['subscribed', 'latest: A3 B4'])
    stage.open(2)
    stage.run([...steps(stage, ['B', 'C']), () => void stage.join(9, 2), ...steps(stage, 500, ['B'], 500)])
    expect(shorts(late).slice(2)).toEqual(['latest: C6 B7'])
    expect(shorts(mover)).toEqual(['subscribed', 'latest: A3 B4', 'latest: B5 C6', 'subscribed', 'B7'])
    stage.run([...steps(stage, ['A', 'A'], 1000)])
    expect(shorts(late).slice(3)).toEqual(['A9 +1'])
    for (const client of stage.clients.values()) checkClient(stage, client)
  })

  it('of one that is in already gives it what waits, and has it wait for the others, too', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 1000: ['*'] }))
    const again = () => void stage.join(100, 1)
    stage.run([...steps(stage, ['A', 'A']), again, ...steps(stage, ['A', 'B', 'B']), again])
    expect(shorts(client)).toEqual(['A2 +1', 'subscribed', 'A3 B5 +1', 'subscribed'])
    stage.run(steps(stage, ['A'], 1000, ['B'], 1000))
    expect(shorts(client).slice(4)).toEqual(['latest: A6', 'B7'])
    checkClient(stage, client)
  })

  it('of an audience with several intervals is let in when the others have been sent all that waits', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 100: ['A'], 250: ['B'] }))
    stage.run([...steps(stage, ['A', 'B']), () => void stage.join(7, 1), ...steps(stage, ['A', 'B'])])
    const late = stage.join(8, 1)
    stage.run(steps(stage, 100, ['B', 'A'], 100, ['A'], 100, ['A'], 100, ['B'], 100, 100, 100, ['A'], 300))
    expect(late.isReceiving).toBe(true)
    for (const client of stage.clients.values()) checkClient(stage, client)
  })

  it('gives an empty snapshot where nothing is known', () => {
    const stage = new LaneStage()
    stage.listen({ symbols: ['A'] })
    stage.tick({ symbol: 'B' })
    const client = stage.join(7, 1, null, ['A', 'C*'])
    stage.run()
    expect(client.messages).toMatchObject([
      { type: 'subscribed', offset: 1 },
      { type: 'snapshot', seq: 0, offset: 1, ticks: [] },
    ])
    expect(client.messages[1]).not.toHaveProperty('more')
  })

  it('gives no snapshot where none is asked for', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.run(steps(stage, ['A']))
    const client = stage.join(7, 1)
    stage.run()
    expect(shorts(client)).toEqual(['subscribed'])
  })

  it('gives a snapshot of the symbols that were asked for only, of the audience that it leads into', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.run(steps(stage, ['A', 'B', 'BB', 'A', 'C']))
    const client = stage.join(7, 1, null, ['B*', 'A', 'Z'])
    stage.run()
    expect(shorts(client)).toEqual(['subscribed', 'latest: B2 BB3 A4'])
    checkClient(stage, client)
  })

  it.each(['json', 'protobuf'] as const)(
    'leaves out of a snapshot what was asked for and is not in the audience, in %s',
    encoding => {
      const stage = new LaneStage()
      stage.listen({ encoding, ...latest({ 100: ['B*'] }, ['AB']) })
      stage.run(steps(stage, ['A', 'AB', 'AC', 'B', 'BB', 'C']))
      const some = stage.join(7, 1, null, ['A*', 'BB', 'C'])
      const none = stage.join(8, 1, null, ['C', 'A'])
      stage.run()
      expect(shorts(some)).toEqual(['subscribed', 'latest: AB2 BB5'])
      expect(shorts(none)).toEqual(['subscribed', 'latest:'])
    },
  )

  it('gives a long snapshot in several messages, all but the last with `more`', () => {
    const stage = new LaneStage({ turnBytesMax: 1024 })
    stage.listen()
    const symbols = Array.from({ length: 50 }, (_, index) => `S${index}`)
    stage.run(steps(stage, symbols))
    const client = stage.join(7, 1, null, ['*'])
    stage.run(steps(stage, ['A']))
    const snapshots = client.messages.filter(
      (message): message is SnapshotMessage => message.type === 'snapshot',
    )
    expect(snapshots.length).toBeGreaterThan(4)
    expect(snapshots.map(({ seq }) => seq)).toEqual(snapshots.map(() => snapshots[0]!.seq))
    checkClient(stage, client)
  })

  it('knows the latest of all that earlier lanes have read', () => {
    const stage = new LaneStage()
    stage.listen()
    for (const symbol of ['A', 'B', 'A', 'C']) {
      stage.tick({ symbol })
      stage.run()
    }
    const client = stage.join(7, 1, null, ['*'])
    stage.run()
    expect(shorts(client)).toEqual(['subscribed', 'latest: B2 A3 C4'])
  })
})

describe('a client that fell behind', () => {
  it('is told what it missed of every tick, and given the latest of that', () => {
    const stage = new LaneStage()
    const client = stage.listen({ symbols: ['A', 'B', 'C'] })
    stage.run([
      ...steps(stage, ['A', 'B', 'C']),
      () => stage.fallBehind(100),
      ...steps(stage, ['A', 'D', 'A'], ['B']),
      () => stage.comeBack(100),
      ...steps(stage, ['C']),
    ])
    expect(shorts(client)).toEqual(['A1 B2 C3', 'gap', 'latest: A6 B7', 'C8'])
    expect(client.messages[1]).toMatchObject({ reason: 'slow', from: 4, to: 7, missed: 3 })
    checkClient(stage, client)
  })

  it('and wants the latest only is given what has changed, without a gap', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 0: ['*'] }))
    stage.run([
      ...steps(stage, ['A', 'B', 'C']),
      () => stage.fallBehind(100),
      ...steps(stage, ['A'], ['A', 'D']),
      () => stage.comeBack(100),
      ...steps(stage, ['A']),
    ])
    expect(shorts(client)).toEqual(['A1 B2 C3', 'latest: A5 D6', 'A7'])
    checkClient(stage, client)
  })

  it('and wants the latest only is told where it goes on where nothing has changed', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 0: ['A'] }))
    stage.run([
      ...steps(stage, ['A']),
      () => stage.fallBehind(100),
      ...steps(stage, ['B']),
      () => stage.comeBack(100),
      ...steps(stage, ['A']),
    ])
    expect(shorts(client)).toEqual(['A1', 'latest:', 'A3'])
  })

  it('costs the others in its audience nothing but that they get a little early what waited', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['*'] }))
    const other = stage.join(7, 1)
    stage.run([
      ...steps(stage, ['A'], 100),
      () => stage.fallBehind(100),
      ...steps(stage, ['A'], 100, ['A', 'A']),
      () => stage.comeBack(100),
      ...steps(stage, 100, ['A'], 100),
    ])
    expect(shorts(other)).toEqual(['subscribed', 'A1', 'A2', 'A4 +1', 'A5'])
    expect(shorts(client)).toEqual(['A1', 'latest: A4', 'A5'])
  })
})

describe('a successor', () => {
  it('never says a lower offset than its predecessor did: whoever resumed there would get ticks twice', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 0: ['B'] }, ['A']))
    // More than a lane reads before it looks whether it can publish.
    for (let tick = 0; tick < 40; tick++) stage.tick({ symbol: tick % 2 === 0 ? 'A' : 'B' })
    const { progress } = stage.audiences.get(1)!
    stage.audiences.get(1)!.progress = { ...progress, ticksTotal: 20, lastOffset: 40 }
    stage.run()
    expect(client.messages.map(message => 'offset' in message && message.offset)).toEqual(
      client.messages.map(() => 40),
    )
    expect(shorts(client).at(-1)).toMatch(/^B40/)
  })
})

describe('a symbol without room in the store of latest ticks', () => {
  /** Room for two symbols of one kind. */
  const TIGHT = { latestBytes: 2 * (8 + 2 * (32 + 128)) }

  it('is sent tick by tick to those who want the latest, and counted', () => {
    const stage = new LaneStage(TIGHT)
    const client = stage.listen(latest({ 100: ['*'] }))
    stage.run(steps(stage, ['A', 'B', 'C', 'A', 'C'], 100))
    expect(shorts(client)).toEqual(['C3 C5', 'B2 A4 +1'])
    expect(stage.counter('latestFull')).toBe(2)
  })

  it('is no part of a snapshot', () => {
    const stage = new LaneStage(TIGHT)
    stage.listen()
    stage.run(steps(stage, ['A', 'B', 'C']))
    const client = stage.join(7, 1, null, ['*'])
    stage.run()
    expect(shorts(client)).toEqual(['subscribed', 'latest: A1 B2'])
  })

  it('is told as a gap to whoever is slow, though it wants the latest only', () => {
    const stage = new LaneStage(TIGHT)
    const client = stage.listen(latest({ 0: ['*'] }))
    stage.run([
      ...steps(stage, ['A', 'B', 'C']),
      () => stage.fallBehind(100),
      ...steps(stage, ['C', 'A', 'C']),
      () => stage.comeBack(100),
    ])
    expect(shorts(client)).toEqual(['C3', 'A1 B2', 'gap', 'latest: A5'])
    expect(client.messages[2]).toMatchObject({ reason: 'slow', missed: 2 })
  })

  /** Fits into the smallest record … */
  const LONG = 'L'.repeat(60)
  /** … unless all its fields are large. */
  const LARGE = {
    symbol: LONG,
    sourceTimeNs: -1n,
    ...{ bid: 1 / 3, bidSize: 1 / 3, ask: 1 / 3, askSize: 1 / 3, last: 1 / 3, lastSize: 1 / 3 },
  }

  it('any more is forgotten, and `merged` stays exact', () => {
    const stage = new LaneStage(TIGHT)
    const client = stage.listen(latest({ 100: ['*'] }))
    stage.run([
      ...steps(stage, [LONG, LONG, 'B'], 100, [LONG]),
      () => void stage.tick(LARGE),
      ...steps(stage, 100, ['B', 'B'], 100),
    ])
    // One of B, and the one before the large one.
    expect(shorts(client)).toEqual([`${LONG}2 B3 +1`, `${LONG}5`, 'B7 +2'])
    stage.run(steps(stage, ['B', 'B', 'B', 'B'], 100))
    expect(shorts(client).at(-1)).toBe('B11 +3')
    const late = stage.join(7, 1, null, ['*'])
    stage.run()
    expect(shorts(late)).toEqual(['subscribed', 'latest: B11'])
  })

  it('any more leaves a successor with fewer ticks than were sent, which it makes nothing of', () => {
    const stage = new LaneStage(TIGHT)
    const client = stage.listen(latest({ 100: ['*'] }))
    stage.run([...steps(stage, [LONG, LONG, LONG, 'B'], 100), () => void stage.tick(LARGE)])
    stage.run(steps(stage, ['B'], 100))
    expect(shorts(client).slice(1)).toEqual([`${LONG}5`, 'B6'])
    expect(stage.counter('ticksConflated')).toBe(2)
    stage.run(steps(stage, ['B', 'B'], 100))
    expect(shorts(client).at(-1)).toBe('B8 +1')
  })

  it('any more does not come back with a successor', () => {
    for (let killAt = 0; ; killAt++) {
      const stage = new LaneStage(TIGHT)
      const client = stage.listen(latest({ 100: ['*'] }))
      stage.run(steps(stage, [LONG]))
      stage.tick(LARGE)
      const hasLived = stage.run([], killAt)
      stage.run(steps(stage, 100))
      const late = stage.join(7, 1, null, ['*'])
      stage.run(steps(stage, 100))
      expect(shorts(client)).toEqual([`${LONG}2`])
      expect(shorts(late)).toEqual(['subscribed', 'latest:'])
      if (hasLived) break
    }
  })
})
