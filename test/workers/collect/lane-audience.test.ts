import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LaneAudience } from '../../../workers/collect/lane-audience.js'
import { laneAudience, spec } from '../../support/specs.js'

const STATE = {
  audience: 3,
  spec: spec({ symbols: null, batch: true }),
  seq: 7,
  ticksTotal: 5,
  lostTotal: 2,
  unknownLosses: 1,
  statusNumber: 0,
  serial: 99,
  offset: 170,
  epoch: 2,
  conflated: [],
}

const spansOf = ({ spans, spanCount }: LaneAudience): number[][] =>
  Array.from({ length: spanCount }, (_, span) => [...spans.subarray(span * 2, span * 2 + 2)])

describe('an audience of a lane', () => {
  it('goes on from where another lane left it', () => {
    const audience = laneAudience(STATE)
    expect(audience).toMatchObject({ id: 3, seq: 7, sentSerial: 99, sentOffset: 170, spanCount: 0 })
    expect(audience.progress).toEqual({
      ticksTotal: 5,
      lostTotal: 2,
      unknownLosses: 1,
      statusNumber: 0,
      serial: 99,
      offset: 170,
      epoch: 2,
    })
  })

  it('gathers ticks that are neighbours as one span, and gaps in their places', () => {
    const audience = laneAudience(STATE)
    for (const tick of [0, 1, 2, 5]) audience.addTick(tick, 100)
    audience.addNotice(0, 30)
    audience.addTick(6, 100)
    audience.addNotice(1, 30)
    audience.addTick(1, 100)
    expect(spansOf(audience)).toEqual([
      [0, 2],
      [5, 5],
      [-1, 0],
      [6, 6],
      [-2, 0],
      [1, 1],
    ])
    expect([audience.tickCount, audience.planBytes]).toEqual([6, 660])
    audience.clear()
    expect([audience.spanCount, audience.tickCount, audience.planBytes]).toEqual([0, 0, 0])
  })

  it('keeps all that it gathers, however much', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.boolean(), fc.constant('gap')), { maxLength: 200 }), steps => {
        const audience = laneAudience(STATE)
        const expected: number[] = []
        let tick = 0
        let gaps = 0
        for (const step of steps) {
          if (step === 'gap') {
            expected.push(-1 - gaps)
            audience.addNotice(gaps++, 1)
          } else {
            if (step) {
              expected.push(tick)
              audience.addTick(tick, 1)
            }
            tick++
          }
        }
        const gathered = spansOf(audience).flatMap(([first, last]) =>
          first! < 0 ? [first!] : Array.from({ length: last! - first! + 1 }, (_, index) => first! + index),
        )
        expect(gathered).toEqual(expected)
        expect(audience.planBytes).toBe(expected.length)
      }),
    )
  })
})
