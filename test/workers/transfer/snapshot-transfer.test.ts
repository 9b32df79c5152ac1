import { describe, expect, it } from 'vitest'
import type { SnapshotMessage } from '../../../src/protocol/messages.js'
import { LaneStage } from '../../support/lane-stage.js'
import { latest, shorts, steps } from '../../support/stage-steps.js'
import { checkClient } from '../../support/stays.js'

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

  it('and a leave flush the other members early once in an interval only', () => {
    const stage = new LaneStage()
    const stays = stage.listen(latest({ 1000: ['*'] }), 1)
    stage.listen(latest({ 1000: ['*'] }, ['Z']), 2)
    const toggle = (audience: number) => () => void stage.join(200, audience, null, ['A'])
    const change = () => [
      ...[...steps(stage, ['A', 'B', 'A'], 50), toggle(1)],
      ...[...steps(stage, ['B'], 50), toggle(2)],
    ]
    stage.run(Array.from({ length: 30 }, change).flat())
    // These were three intervals.
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

  it('of a member of the audience gives it the waiting ticks, and lets it await the flush of the others', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 1000: ['*'] }))
    const again = () => void stage.join(100, 1)
    stage.run([...steps(stage, ['A', 'A']), again, ...steps(stage, ['A', 'B', 'B']), again])
    expect(shorts(client)).toEqual(['A2 +1', 'subscribed', 'A3 B5 +1', 'subscribed'])
    stage.run(steps(stage, ['A'], 1000, ['B'], 1000))
    expect(shorts(client).slice(4)).toEqual(['latest: A6', 'B7'])
    checkClient(stage, client)
  })

  it('of an audience with several intervals takes effect when the others have all waiting ticks', () => {
    const stage = new LaneStage()
    stage.listen(latest({ 100: ['A'], 250: ['B'] }))
    stage.run([...steps(stage, ['A', 'B']), () => void stage.join(7, 1), ...steps(stage, ['A', 'B'])])
    const late = stage.join(8, 1)
    stage.run(steps(stage, 100, ['B', 'A'], 100, ['A'], 100, ['A'], 100, ['B'], 100, 100, 100, ['A'], 300))
    expect(late.isReceiving).toBe(true)
    for (const client of stage.clients.values()) checkClient(stage, client)
  })

  it('gives an empty snapshot of symbols without ticks', () => {
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

  it('gives no snapshot to a client that asks for none', () => {
    const stage = new LaneStage()
    stage.listen()
    stage.run(steps(stage, ['A']))
    const client = stage.join(7, 1)
    stage.run()
    expect(shorts(client)).toEqual(['subscribed'])
  })

  it('gives a snapshot of the requested symbols of the new audience only', () => {
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

  it('knows the latest ticks that earlier lanes have read', () => {
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
  it('is told how many ticks it missed, and gets the latest of them', () => {
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

  it('in a conflated audience gets the latest ticks of changed symbols, without a gap', () => {
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

  it('in a conflated audience gets its place by an empty snapshot where no symbol has changed', () => {
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

  it('costs the other members nothing: they get the waiting ticks a little earlier', () => {
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
  it('never tells a lower offset than its predecessor, at which a client could resume and get ticks twice', () => {
    const stage = new LaneStage()
    const client = stage.listen(latest({ 0: ['B'] }, ['A']))
    // A lane reads fewer records before it looks whether it can publish.
    for (let tick = 0; tick < 40; tick++) stage.tick({ symbol: tick % 2 === 0 ? 'A' : 'B' })
    const { progress } = stage.audiences.get(1)!
    stage.audiences.get(1)!.progress = { ...progress, ticksTotal: 20, serial: 40, offset: 40 }
    stage.run()
    expect(client.messages.map(message => 'offset' in message && message.offset)).toEqual(
      client.messages.map(() => 40),
    )
    expect(shorts(client).at(-1)).toMatch(/^B40/)
  })
})
