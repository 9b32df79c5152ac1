import { describe, expect, it } from 'vitest'
import { CHECKPOINT_TICKS } from '../../../src/memory/feed-checkpoints.js'
import { messagesOf, Past } from '../../support/past.js'

describe('losses in a replay', () => {
  const positions = (...all: number[]) => all.map(position => ({ position }))

  it('are told once, before the tick at which they were found', () => {
    const past = new Past()
    past.batch(positions(10, 11, 15, 16))
    past.batch(positions(19))
    expect(past.stream(0)).toEqual(['A1', 'A2', 'upstream:3-2:3', 'A3', 'A4', 'upstream:5-4:2', 'A5'])
    expect(past.stream(2)).toEqual(['upstream:3-2:3', 'A3', 'A4', 'upstream:5-4:2', 'A5'])
    expect(past.stream(3)).toEqual(['A4', 'upstream:5-4:2', 'A5'])
    expect(past.stream(4)).toEqual(['upstream:5-4:2', 'A5'])
    expect(past.stream(5)).toEqual([])
  })

  it('are the same as live, also where a replay begins at a checkpoint', () => {
    const past = new Past()
    past.batch(Array.from({ length: CHECKPOINT_TICKS }, (_, tick) => ({ position: 100 + tick })))
    past.batch(positions(1130, 1131))
    // Only the checkpoint has the position before.
    expect(past.stream(1024)).toEqual(['upstream:1025-1024:6', 'A1025', 'A1026'])
    expect(past.stream(1025)).toEqual(['A1026'])
  })

  it('are found between two parts', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch(positions(1, 2))
    past.batch(positions(5))
    const [first, second, third] = past.parts(0)
    expect(second!.continuity).toMatchObject({
      lastPosition: 2,
      lostSincePosition: 0,
      atSessionBoundary: false,
    })
    expect(messagesOf(first!)).toHaveLength(1)
    expect(messagesOf(third!)).toMatchObject([
      { type: 'gap', missed: 2, seq: 2 },
      { type: 'ticks', seq: 3 },
    ])
  })

  it('of unknown size are told at the first tick after a session boundary', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch(positions(500))
    past.session(false)
    past.batch(positions(7, 8))
    for (const offset of [0, 1])
      expect(past.stream(offset).slice(1 - offset)).toEqual(['upstream:2-1:null', 'A2', 'A3'])
    expect(past.stream(2)).toEqual(['A3'])
  })

  it('of unknown size are told where the checkpoint lies on the session boundary', () => {
    const past = new Past()
    past.many(CHECKPOINT_TICKS, 128)
    past.session(true)
    past.tick()
    past.tick()
    // A feed without positions that continues leaves a session boundary.
    expect(past.stream(1024)).toEqual(['upstream:1025-1024:null', 'A1025', 'A1026'])
    expect(past.stream(1025)).toEqual(['A1026'])
  })

  it('of ticks that never came into the log take offsets, and the positions of these ticks are no further loss', () => {
    const past = new Past()
    past.batch(positions(1, 2))
    past.lost('overload', 3)
    past.batch(positions(6, 7))
    past.lost('malformed', null)
    past.batch(positions(8))
    const all = ['A1', 'A2', 'overload:3-5:3', 'A6', 'A7', 'malformed:8-8:null', 'A9']
    expect(past.stream(0)).toEqual(all)
    expect(past.stream(2)).toEqual(all.slice(2))
    expect(past.stream(5)).toEqual(all.slice(3))
    expect(past.stream(8)).toEqual(all.slice(6))
  })

  it('of malformed and quarantined ticks are told in their places', () => {
    const past = new Past({ quarantined: [3] })
    past.batch(positions(1))
    past.malformed()
    past.batch(positions(3, 4))
    past.batch([{ symbol: '', position: 5 }])
    past.batch(positions(6))
    const all = ['A1', 'malformed:2-2:1', 'poison:3-3:1', 'A4', 'malformed:5-5:1', 'A6']
    expect(past.stream(0)).toEqual(all)
    expect(past.stream(1)).toEqual(all.slice(1))
    expect(past.stream(2)).toEqual(all.slice(2))
    expect(past.stream(3)).toEqual(all.slice(3))
  })

  it('are none where the feed sends ticks again', () => {
    const past = new Past()
    past.batch(positions(1, 2))
    past.session(true)
    past.batch([{ position: 1, sequence: 1 }, { position: 2, sequence: 2 }, { position: 3 }])
    expect(past.stream(0)).toEqual(['A1', 'A2', 'A5'])
    expect(past.stream(3)).toEqual(['A5'])
  })

  it('of unknown size are told where the feed breaks its count, wherever the replay begins', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch(positions(1, 2, 2 ** 53 - 1, 3, 5, 6, 1))
    const all = [
      ...['A1', 'A2', 'upstream:3-2:null', 'A3', 'upstream:4-3:null', 'A4'],
      ...['upstream:5-4:null', 'A5', 'A6', 'upstream:7-6:null', 'A7'],
    ]
    expect(past.stream(0)).toEqual(all)
    for (const [offset, first] of [2, 4, 6, 8, 9].entries())
      expect(past.stream(offset + 2)).toEqual(all.slice(first))
  })

  it('are none where positions may have holes', () => {
    const past = new Past({ positionsTellLosses: false })
    past.batch(positions(1, 5, 3))
    expect(past.stream(0)).toEqual(['A1', 'A2', 'A3'])
  })
})
