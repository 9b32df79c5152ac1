import { describe, expect, it } from 'vitest'
import { streamOf } from '../support/lane-messages.js'
import { LaneStage } from '../support/lane-stage.js'
import type { StageClient } from '../support/stage-clients.js'

const typesOf = ({ messages }: StageClient): string[] => messages.map(({ type }) => type)

describe('the status of the feed', () => {
  it('is told to every audience in its place, whatever its symbols and delivery', () => {
    const stage = new LaneStage()
    const all = stage.listen({}, 1)
    const single = stage.listen({ batch: false, encoding: 'protobuf' }, 2)
    const other = stage.listen({ symbols: ['Z'] }, 3)
    const latest = stage.listen({ symbols: [], latest: [{ intervalMs: 0, symbols: ['A'] }] }, 4)
    stage.tick({ symbol: 'A' })
    const { sinceUs } = stage.status('down')
    stage.tick({ symbol: 'A' })
    stage.run()
    expect(streamOf(all.messages, 0)).toEqual(['A1', 'down:n1', 'A2'])
    expect(streamOf(single.messages, 0)).toEqual(['A1', 'down:n1', 'A2'])
    expect(other.messages).toEqual([{ type: 'status', feed: 'down', since: sinceUs, reason: 'n1' }])
    expect(streamOf(latest.messages, 0)).toEqual(['down:n1', 'A2'])
  })

  it('is told to a new client right behind its first message, once somebody has told it', () => {
    const stage = new LaneStage()
    const early = stage.listen()
    stage.open(2)
    const before = stage.join(7, 2, null, ['*'])
    stage.run()
    expect(typesOf(before)).toEqual(['subscribed', 'snapshot'])
    stage.status('down')
    stage.run()
    const after = stage.join(8, 2, null, ['*'])
    stage.run()
    expect(typesOf(after)).toEqual(['subscribed', 'status', 'snapshot'])
    expect(typesOf(early)).toEqual(['status'])
  })

  it('is not told again to a client that changes its symbols', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.status('down')
    stage.run()
    stage.open(2, { symbols: ['A'] })
    stage.join(client.id, 2)
    stage.run()
    stage.join(client.id, 1)
    stage.run()
    expect(typesOf(client)).toEqual(['status', 'subscribed', 'subscribed'])
  })

  it('is told once to a client that was overrun, as it is now, behind the gap', () => {
    const stage = new LaneStage()
    const client = stage.listen()
    stage.status('down')
    stage.run()
    stage.fallBehind(client.id)
    client.messages.length = 0
    stage.status('live')
    stage.tick({})
    stage.status('down')
    stage.run()
    stage.comeBack(client.id)
    stage.tick({})
    stage.run()
    expect(typesOf(client)).toEqual(['gap', 'status', 'snapshot'])
    expect(client.messages[1]).toMatchObject({ feed: 'down', reason: 'n3' })
    stage.fallBehind(client.id)
    stage.tick({})
    stage.run()
    client.messages.length = 0
    stage.comeBack(client.id)
    stage.run()
    expect(typesOf(client)).toEqual(['gap', 'snapshot'])
  })

  it('is known to a successor that reads behind it: clients that have it are not told again', () => {
    const stage = new LaneStage()
    stage.status('down')
    const client = stage.listen()
    stage.run()
    // As the main thread knows the audience: it was sent nothing so far.
    const audience = stage.audiences.get(1)!
    audience.progress = { ...audience.progress, statusNumber: 0 }
    stage.tick({})
    stage.run()
    stage.fallBehind(client.id)
    client.messages.length = 0
    stage.tick({})
    stage.comeBack(client.id)
    stage.run()
    expect(typesOf(client)).toEqual(['gap', 'snapshot'])
    const late = stage.join(9, 1)
    stage.run()
    expect(late.messages).toMatchObject([{ type: 'subscribed' }, { type: 'status', reason: 'n1' }])
  })

  it('is read by a successor before it replies: the client would not be told what the others were', () => {
    const stage = new LaneStage()
    stage.listen()
    // More than a lane reads before it takes commands.
    for (let tick = 0; tick < 40; tick++) stage.status(tick % 2 === 0 ? 'down' : 'live')
    // All of it was sent, and nothing of it was committed.
    const audience = stage.audiences.get(1)!
    audience.progress = { ...audience.progress, statusNumber: 40 }
    const late = stage.join(9, 1)
    stage.run()
    expect(streamOf(late.messages, 0)).toEqual(['live:n40'])
  })
})
