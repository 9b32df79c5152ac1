import { describe, expect, it } from 'vitest'
import { LaneStage } from '../../support/lane-stage.js'
import { latest, shorts, steps } from '../../support/stage-steps.js'

describe('a symbol without room in the store of latest ticks', () => {
  /** Room for two symbols of one kind. */
  const TIGHT = { latestBytes: 2 * (8 + 2 * (32 + 128)) }

  it('is sent tick by tick to conflated audiences, and counted', () => {
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

  it('is told as a gap to a slow member of a conflated audience', () => {
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
    bid: 1 / 3,
    bidSize: 1 / 3,
    ask: 1 / 3,
    askSize: 1 / 3,
    last: 1 / 3,
    lastSize: 1 / 3,
  }

  it('that it had before is forgotten, and `merged` stays exact', () => {
    const stage = new LaneStage(TIGHT)
    const client = stage.listen(latest({ 100: ['*'] }))
    stage.run([
      ...steps(stage, [LONG, LONG, 'B'], 100, [LONG]),
      () => void stage.tick(LARGE),
      ...steps(stage, 100, ['B', 'B'], 100),
    ])
    // One tick of B, and the tick before the large one.
    expect(shorts(client)).toEqual([`${LONG}2 B3 +1`, `${LONG}5`, 'B7 +2'])
    stage.run(steps(stage, ['B', 'B', 'B', 'B'], 100))
    expect(shorts(client).at(-1)).toBe('B11 +3')
    const late = stage.join(7, 1, null, ['*'])
    stage.run()
    expect(shorts(late)).toEqual(['subscribed', 'latest: B11'])
  })

  it('that it had before leaves a successor with fewer ticks than were sent, which the successor ignores', () => {
    const stage = new LaneStage(TIGHT)
    const client = stage.listen(latest({ 100: ['*'] }))
    stage.run([...steps(stage, [LONG, LONG, LONG, 'B'], 100), () => void stage.tick(LARGE)])
    stage.run(steps(stage, ['B'], 100))
    expect(shorts(client).slice(1)).toEqual([`${LONG}5`, 'B6'])
    expect(stage.counter('ticksConflated')).toBe(2)
    stage.run(steps(stage, ['B', 'B'], 100))
    expect(shorts(client).at(-1)).toBe('B8 +1')
  })

  it('that it had before does not come back with a successor', () => {
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
