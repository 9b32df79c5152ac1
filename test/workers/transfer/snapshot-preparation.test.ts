import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SnapshotMessage } from '../../../src/protocol/messages.js'
import { EncodedLatest } from '../../../workers/conflate/encoded-latest.js'
import { LatestTicks } from '../../../workers/conflate/latest-ticks.js'
import { LaneTransfers } from '../../../workers/transfer/lane-transfers.js'
import { LaneStage } from '../../support/lane-stage.js'
import type { StageClient } from '../../support/stage-clients.js'
import { checkClient } from '../../support/stays.js'

const SYMBOLS = Array.from({ length: 1000 }, (_, index) => `S${index}`)

afterEach(() => vi.restoreAllMocks())

/** A stage whose feed has many symbols, and a client that gets all their ticks. */
function stageOf(encoding: 'json' | 'protobuf' = 'json'): { stage: LaneStage; live: StageClient } {
  const stage = new LaneStage({ latestBytes: 1 << 20 })
  const live = stage.listen({ encoding })
  for (const symbol of SYMBOLS) stage.tick({ symbol })
  stage.run()
  return { stage, live }
}

/** Does something before each step of a preparation. @returns how often it was done */
function beforeEachStep(act: (step: number) => void): () => number {
  const { prepare } = LaneTransfers.prototype
  let steps = 0
  vi.spyOn(LaneTransfers.prototype, 'prepare').mockImplementation(function (this: LaneTransfers) {
    const queue = (this as unknown as { deps: { queue: { toPrepare: unknown } } }).deps.queue
    if (queue.toPrepare !== undefined) act(steps++)
    return prepare.call(this)
  })
  return () => steps
}

const snapshotsOf = ({ messages }: StageClient): SnapshotMessage[] =>
  messages.filter((message): message is SnapshotMessage => message.type === 'snapshot')

describe('a large snapshot', () => {
  it.each(['json', 'protobuf'] as const)(
    'is overtaken by the ticks that come while it is prepared, and holds them all, in %s',
    encoding => {
      const { live, stage } = stageOf(encoding)
      const atFirst = live.messages.length
      let publishedBefore = 0
      const steps = beforeEachStep(step => {
        publishedBefore = live.messages.length - atFirst
        // A known symbol, and one that is new.
        stage.tick({ symbol: SYMBOLS[(step * 37) % SYMBOLS.length]! })
        stage.tick({ symbol: `N${step}` })
        ;(stage as unknown as { drain(): void }).drain()
      })
      const client = stage.join(7, 1, null, ['S*', 'N*', 'S1*'])
      stage.run()
      expect(steps()).toBeGreaterThan(10)
      expect(publishedBefore).toBeGreaterThan(5)
      const ticks = snapshotsOf(client).flatMap(snapshot => snapshot.ticks)
      const newest = new Map<string, number>()
      const [{ offset }] = snapshotsOf(client) as [SnapshotMessage]
      for (const tick of stage.ticks) if (tick.offset <= offset) newest.set(tick.symbol, tick.offset)
      const inOrder = [...newest].sort(([, one], [, other]) => one - other)
      expect(ticks.map(({ symbol, sequence }) => [symbol, sequence])).toEqual(inOrder)
      expect(new Set(snapshotsOf(client).map(each => each.offset)).size).toBe(1)
      checkClient(stage, live)
    },
  )

  it('is dropped when its client leaves meanwhile, and the next one is prepared', () => {
    const { stage } = stageOf()
    stage.open(2, { symbols: ['S*'] })
    beforeEachStep(step => {
      if (step === 3) stage.close(2)
    })
    const gone = stage.join(8, 2, null, ['S*'])
    const next = stage.join(7, 1, null, ['S*'])
    stage.run()
    expect(gone.messages).toEqual([])
    expect(snapshotsOf(next).flatMap(({ ticks }) => ticks)).toHaveLength(SYMBOLS.length)
  })

  it('encodes the next time what has changed, and nothing else', () => {
    const { stage } = stageOf()
    const encodeAt = vi.spyOn(LatestTicks.prototype, 'encodeAt')
    let before = 0
    const first = stage.join(7, 1, null, ['S*'])
    stage.run([
      () => {
        before = encodeAt.mock.calls.length
        stage.tick({ symbol: 'S500' })
      },
      () => void stage.join(8, 1, null, ['S*']),
    ])
    expect(before).toBe(SYMBOLS.length)
    expect(encodeAt.mock.calls.length - before).toBe(1)
    const second = snapshotsOf(stage.clients.get(8)!).flatMap(({ ticks }) => ticks)
    expect(second).toHaveLength(SYMBOLS.length)
    expect(second.at(-1)).toMatchObject({ symbol: 'S500', sequence: SYMBOLS.length + 1 })
    expect(snapshotsOf(first).flatMap(({ ticks }) => ticks)[500]).toMatchObject({ sequence: 501 })
  })

  it('is whole where the memory for encoded ticks holds a part of it', () => {
    const lasting = vi.spyOn(EncodedLatest.prototype, 'lastingBytes', 'get').mockReturnValue(20_000)
    const { stage } = stageOf()
    for (const client of [7, 8]) stage.join(client, 1, null, ['S*'])
    stage.run([() => void stage.join(9, 1, null, ['*'])])
    expect(lasting).toHaveBeenCalled()
    for (const client of [7, 8, 9]) {
      const ticks = snapshotsOf(stage.clients.get(client)!).flatMap(snapshot => snapshot.ticks)
      expect(ticks.map(({ symbol }) => symbol)).toEqual(SYMBOLS)
    }
  })
})

describe('a reply', () => {
  it('tells the symbols that prefixes made the lane look at, once, and also for an audience that was left', () => {
    const { stage } = stageOf()
    stage.run([
      () => {
        stage.command({ op: 'open', audience: 2, client: 7, spec: stage.audiences.get(1)!.spec })
        stage.command({ op: 'derive', audience: 3, client: 7, base: 2, added: [], removed: ['*'] })
        stage.command({ op: 'derive', audience: 4, client: 7, base: 3, added: [['S1*', null]], removed: [] })
        stage.command({ op: 'close', audience: 4 })
        stage.join(7, 1)
      },
      () => void stage.join(7, 1),
    ])
    // 111 symbols begin with S1: looked for, and attached.
    const lookedAt = stage.replies.slice(-2).map(({ symbolsLookedAt }) => symbolsLookedAt)
    expect(lookedAt).toEqual([2 * 111 - 2, 0])
  })
})
