import { describe, expect, it, vi } from 'vitest'
import { type JoinCommand, RESUME_GONE } from '../../../src/lane-protocol/lane-commands.js'
import { HEARTBEAT } from '../../../src/memory/control-words.js'
import { AUDIENCE_FRAMES, REPLY, TURN_END } from '../../../src/memory/frame-descriptor.js'
import { LIVE, MORE, type ReplyDescriptor, UNCHANGED } from '../../../src/memory/reply-descriptor.js'
import { LatestTicks } from '../../../workers/conflate/latest-ticks.js'
import { extent } from '../../support/extent.js'
import { LaneStage } from '../../support/lane-stage.js'
import { startAt } from '../../support/specs.js'
import { checkClient } from '../../support/stays.js'

const SYMBOLS = Array.from({ length: 50 }, (_, index) => `S${index}`)
/** A snapshot of all symbols takes five turns, and does not fit into half of the scratch. */
const SMALL = { turnBytesMax: 1024, scratchBytes: 1 << 14 }

/** A stage whose lane has read all symbols, with clients that ask for snapshots. */
function stageWithJoins(clients: number, snapshotOf: (client: number) => string[]): LaneStage {
  const stage = new LaneStage(SMALL)
  stage.listen()
  stage.batch(SYMBOLS.map(symbol => ({ symbol })))
  stage.run()
  stage.published.length = 0
  for (let client = 1; client <= clients; client++) stage.join(client, 1, null, snapshotOf(client))
  return stage
}

/** Bytes of replies in each turn. */
function replyBytes({ published }: LaneStage): number[] {
  const turns = [0]
  for (const { kind, length } of published) {
    if (kind === REPLY) turns[turns.length - 1]! += length
    if (kind === TURN_END) turns.push(0)
  }
  return turns
}

function checkAll(stage: LaneStage): void {
  for (const client of stage.clients.values()) {
    expect(client.isReceiving).toBe(true)
    checkClient(stage, client)
  }
}

describe('a burst of requests', () => {
  it('gets its replies over many turns, each of about the bytes that a turn may hold', () => {
    const stage = stageWithJoins(30, client => [`S${client}`, `S${client + 1}`, `S${client + 2}`])
    stage.run()
    const turns = replyBytes(stage)
    expect(turns.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(10 * 1024)
    expect(Math.max(...turns)).toBeLessThan(1024 + 600)
    expect(stage.clients.get(1)!.messages.map(({ type }) => type)).toEqual(['subscribed', 'snapshot'])
    checkAll(stage)
  })

  it('lets ticks that come meanwhile through before its last reply', () => {
    const stage = stageWithJoins(30, client => ['*', `S${client}`])
    stage.isBusy = true
    stage.run([
      () => void stage.tick({ symbol: 'S1' }),
      () => {
        stage.isBusy = false
      },
    ])
    const isLastPart = stage.published.map(each => each.kind === REPLY && each.isLast)
    const ticksAt = stage.published.findIndex(({ kind }) => kind === AUDIENCE_FRAMES)
    expect(ticksAt).toBeGreaterThan(0)
    expect(isLastPart.slice(0, ticksAt).filter(Boolean).length).toBeLessThanOrEqual(3)
    expect(isLastPart.filter(Boolean)).toHaveLength(30)
    checkAll(stage)
  })

  it('sends a heartbeat with each part of a snapshot', () => {
    const stage = stageWithJoins(3, client => ['*', `S${client}`])
    const before = stage.control[HEARTBEAT]!
    stage.run()
    const parts = stage.replies.length
    expect(parts).toBeGreaterThan(3 * 4)
    expect(stage.control[HEARTBEAT]! - before).toBeGreaterThanOrEqual(3 + parts)
  })

  it('encodes each tick of snapshots once, for all clients together', () => {
    const stage = stageWithJoins(2, () => ['*'])
    const encodeAt = vi.spyOn(LatestTicks.prototype, 'encodeAt')
    stage.join(3, 1, null, ['S7'])
    let encoded = 0
    stage.run([
      () => {
        encoded = encodeAt.mock.calls.length
      },
    ])
    expect(encoded).toBe(SYMBOLS.length)
    checkAll(stage)
  })

  it('is read again by a successor, as far as it has no replies yet', () => {
    for (let killAt = 0; ; killAt += extent(29, 5)) {
      const stage = stageWithJoins(8, client => ['*', `S${client}`])
      const hasLived = stage.run([() => void stage.tick({ symbol: 'S2' })], killAt)
      if (!hasLived) stage.run()
      checkAll(stage)
      if (hasLived) break
    }
  })
})

describe('a snapshot in several parts', () => {
  /** The parts of the reply to a client that resumes in a conflated audience. */
  function resumed(replay: JoinCommand['replay']): ReplyDescriptor[] {
    const stage = stageWithJoins(0, () => [])
    stage.open(2, { symbols: [], latest: [{ intervalMs: 100, symbols: ['*'] }] })
    stage.command({
      ...{
        op: 'join',
        audience: 2,
        leaving: 0,
        client: 9,
        name: 'c9',
        request: 1,
        fellBehindAt: null,
        replay,
      },
      replies: [{ type: 'subscribed', symbols: ['*'], delivery: 'latest', interval: 100, snapshot: false }],
    })
    stage.run()
    return stage.replies.filter(({ client }) => client === 9)
  }

  it('names with the first part the place of a resuming client, should the lane die before the last', () => {
    const [first, ...others] = resumed(startAt(20))
    expect(first).toMatchObject({ outcome: MORE, isLast: false, offset: SYMBOLS.length, messages: 0 })
    expect(others.slice(0, -1).every(({ isLast, outcome }) => !isLast && outcome === UNCHANGED)).toBe(true)
    expect(others.at(-1)).toMatchObject({ outcome: LIVE, isLast: true, offset: SYMBOLS.length })
  })

  it('says with the first part that a client which cannot resume is a member', () => {
    const [first, ...others] = resumed(RESUME_GONE)
    expect(first).toMatchObject({ outcome: LIVE, isLast: false, offset: SYMBOLS.length })
    expect(others.at(-1)).toMatchObject({ outcome: LIVE, isLast: true, offset: SYMBOLS.length })
  })
})
