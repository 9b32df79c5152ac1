import { describe, expect, it } from 'vitest'
import type { TicksMessage } from '../../../src/protocol/messages.js'
import { QUOTE, TRADE } from '../../../src/ticks/market-tick.js'
import { LaneStage } from '../../support/lane-stage.js'
import { latest, shorts, steps } from '../../support/stage-steps.js'
import { checkClient } from '../../support/stays.js'

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

  it('begins its interval again each time that it is sent', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['*'] }))
    const seen: number[] = []
    const look = () => void seen.push(client.messages.length)
    const [first, wait, late, second, almost, over] = steps(stage, ['A'], 100, 50, ['A'], 49, 1)
    stage.run([first!, wait!, look, late!, second!, look, almost!, look, over!, look])
    expect(seen).toEqual([1, 1, 1, 2])
  })

  it('without ticks wakes the lane once and no more, whatever ticks others get', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 1: ['A', 'B*'] }))
    const sleepsMs: number[] = []
    const look = () => void sleepsMs.push(stage.sleepMs)
    const [wait, other, late] = steps(stage, 1, ['C'], 1000)
    stage.run([look, wait!, look, other!, look, late!, look])
    expect(sleepsMs).toEqual([3, Infinity, Infinity, Infinity])
    expect(client.messages).toEqual([])
  })

  it('that had no ticks for an interval sends the next tick at once, and later ones after an interval', () => {
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

  it('leaves `merged` out where no tick stands for others', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 50: ['*'] }))
    stage.run(steps(stage, ['A', 'B'], 50))
    expect(client.messages).toHaveLength(1)
    expect(client.messages[0]).not.toHaveProperty('merged')
  })

  it('with the interval 0 is sent with each turn, and conflates ticks while the transmitter is busy', () => {
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

  it('does not wait for other groups, whatever their intervals are', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 0: ['Z'], 100: ['A'], 250: ['B*'] }, ['C']))
    stage.run(steps(stage, ['A', 'B', 'C', 'Z'], 100, ['A', 'B', 'C', 'B2', 'A'], 100, ['A'], 50, 50, 500))
    expect(shorts(client)).toEqual([...['C3', 'Z4', 'A1', 'C7', 'A9 +1', 'B6 B28 +1', 'A10']])
    checkClient(stage, client)
  })

  it('has the symbols whose longest entry is its own', () => {
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

  it('takes in new symbols of its prefixes', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['B*'] }))
    stage.run(steps(stage, ['B1'], 100, ['B2', 'A', 'B2'], 100, ['B3', 'B1'], 100))
    expect(shorts(client)).toEqual(['B11', 'B24 +1', 'B35 B16'])
    checkClient(stage, client)
  })

  it('sends each tick as a message of its own without batches, the last one with `merged`', () => {
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

  it('is sent also in a turn that is full of ticks in the other encoding', () => {
    const stage = new LaneStage({ scratchBytes: 1 << 14, turnBytesMax: 16_384 })
    const json = stage.listen(latest({ 0: ['A'] }), 1)
    const protobuf = stage.listen({ encoding: 'protobuf' }, 2)
    for (let message = 0; message < 20; message++)
      stage.batch(Array.from({ length: 100 }, () => ({ symbol: 'A' })))
    stage.run()
    checkClient(stage, json)
    checkClient(stage, protobuf)
  })

  it('does not count malformed and quarantined ticks', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 100: ['*'] }))
    stage.poison.push(3)
    stage.tick({})
    stage.malformed()
    stage.tick({})
    stage.tick({})
    stage.run(steps(stage, 100))
    expect(shorts(client)).toEqual(['gap', 'gap', 'A4 +1'])
  })

  it('sends and counts no ticks before a client has joined', () => {
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

  it('that closes wakes the lane no more, and is forgotten at once', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 60000: ['A'] }))
    stage.listen(latest({ 30000: ['A'] }), 2)
    stage.listen(latest({ 50000: ['A'] }), 3)
    stage.run([() => stage.close(2), () => expect(stage.sleepMs).toBeCloseTo(50_002), () => stage.close(1)])
    stage.run([() => stage.close(3), () => expect(stage.sleepMs).toBe(Number.POSITIVE_INFINITY)])
  })

  it('counts the ticks that it merged', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 100: ['*'] }))
    stage.run(steps(stage, ['A', 'A', 'A', 'B'], 100, ['A', 'A'], 100))
    expect(stage.counter('ticksConflated')).toBe(3)
  })
})
