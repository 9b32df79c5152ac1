import { describe, expect, it } from 'vitest'
import { messagesOf, Past } from '../../support/past.js'

describe('losses in a replay', () => {
  it('of positions are told in their places, and offsets have the same holes', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch([{}, {}])
    past.hole(3)
    past.batch([{}, {}])
    past.hole(2 ** 40)
    past.batch([{}])
    const last = 2 ** 40 + 8
    const all = ['A1', 'A2', 'upstream:3-5:3', 'A6', 'A7', `upstream:8-${last - 1}:${2 ** 40}`, `A${last}`]
    for (let serial = 0; serial <= 7; serial++) expect(past.stream(serial)).toEqual(all.slice(serial))
  })

  it('name the epochs that begin', () => {
    const past = new Past()
    past.batch([{}, {}])
    past.beginEpoch('f', 100)
    past.batch([{}])
    past.beginEpoch('g', 1)
    past.batch([{}])
    const all = ['A1', 'A2', 'upstream:100-99:null@f', 'A100', 'upstream:1-0:null@g', 'A1']
    for (let serial = 0; serial <= 6; serial++) expect(past.stream(serial)).toEqual(all.slice(serial))
    expect(past.parts(0).at(-1)!.place).toMatchObject({ serial: 6, offset: 1, epoch: 2 })
  })

  it('are told between two parts', () => {
    const past = new Past({ partBytesMax: 1 })
    past.batch([{}, {}])
    past.gap(2)
    past.batch([{}])
    const parts = past.parts(0).map(messagesOf)
    expect(parts).toMatchObject([
      [{ type: 'ticks', seq: 1 }],
      [{ type: 'ticks', seq: 2 }],
      [{ type: 'gap', missed: 2, seq: 2 }],
      [{ type: 'ticks', seq: 3 }],
    ])
  })

  it('of ticks that never came into the log take their offsets', () => {
    const past = new Past()
    past.batch([{}, {}])
    past.lost('overload', 3)
    past.batch([{}, {}])
    past.lost('malformed', null)
    past.batch([{}])
    const all = ['A1', 'A2', 'overload:3-5:3', 'A6', 'A7', 'malformed:8-8:null', 'A9']
    for (let serial = 0; serial <= 7; serial++) expect(past.stream(serial)).toEqual(all.slice(serial))
  })

  it('of malformed and quarantined ticks are told in their places', () => {
    const past = new Past({ quarantined: [3] })
    past.batch([{}])
    past.malformed()
    past.batch([{}, {}])
    past.batch([{ symbol: '' }])
    past.batch([{}])
    const all = ['A1', 'malformed:2-2:1', 'poison:3-3:1', 'A4', 'malformed:5-5:1', 'A6']
    for (let serial = 0; serial <= 6; serial++) expect(past.stream(serial)).toEqual(all.slice(serial))
  })
})
