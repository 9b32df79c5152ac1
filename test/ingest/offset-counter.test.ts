import { beforeEach, describe, expect, it } from 'vitest'
import { BROKEN, SESSION_BOUNDARY, WHOLE } from '../../src/ingest/feed-positions.js'
import { OffsetCounter } from '../../src/ingest/offset-counter.js'
import { NO_SYMBOL, NO_TICK } from '../../src/ticks/tick-codec.js'

let counter: OffsetCounter

/** What stands in the stream for a tick: `offset`, behind `from-to:missed` of a loss, with `@epoch` if one begins. */
function take(position: number, verdict = WHOLE): string {
  if (counter.isNext(position, verdict)) return String(counter.next())
  const { loss, offset } = counter.take(position, verdict)
  const epoch = loss?.epoch === undefined ? '' : `@${loss.epoch.isShared ? loss.epoch.name : 'random'}`
  const told = loss === undefined ? '' : `${loss.from}-${loss.to}:${loss.missed}${epoch} `
  return `${told}${offset ?? 'none'}`
}

beforeEach(() => {
  counter = new OffsetCounter('first')
})

describe('offsets of a feed without an epoch', () => {
  it('are counted, whatever the positions', () => {
    counter.sessionStarted(undefined)
    expect([take(70), take(71), take(0), take(NO_TICK), take(NO_SYMBOL)]).toEqual(['1', '2', '3', '4', '5'])
    expect(counter.epoch).toEqual({ number: 0, name: 'first', isShared: false })
  })

  it('are counted on behind a loss, which takes one', () => {
    expect([take(1), take(4, 2), take(9, BROKEN), take(3, SESSION_BOUNDARY)]).toEqual([
      ...['1', '2-1:2 3', '4-3:null 5', '6-5:null 7'],
    ])
    expect(counter.lose({ reason: 'upstream', missed: 3 })).toMatchObject({ from: 8, to: 7, offset: 8 })
  })

  it('of which the ticks have no positions are counted, though it names an epoch', () => {
    counter.sessionStarted('run')
    expect([take(0), take(5)]).toEqual(['1', '2'])
    expect(counter.epoch.name).toBe('first')
  })
})

describe('offsets of a feed that names the epoch of its positions', () => {
  it('are the positions, and have their holes', () => {
    counter.sessionStarted('run')
    expect([take(70), take(71), take(75, 3), take(76)]).toEqual(['70-69:0@run 70', '71', '72-74:3 75', '76'])
  })

  it('go on in a session of the same epoch', () => {
    counter.sessionStarted('run')
    take(70)
    counter.sessionStarted('run')
    expect([take(71), take(90, SESSION_BOUNDARY)]).toEqual(['71', '72-89:null 90'])
  })

  it('begin anew with another epoch, and with a session that names none', () => {
    counter.sessionStarted('run')
    take(70)
    counter.sessionStarted('other')
    expect(take(3, SESSION_BOUNDARY)).toBe('3-2:null@other 3')
    counter.sessionStarted(undefined)
    expect([take(4, SESSION_BOUNDARY), take(5)]).toEqual(['1-0:null@random 1', '2'])
  })

  it('are counted under a random name once the count is broken, until the feed names another epoch', () => {
    counter.sessionStarted('run')
    take(70)
    expect([take(3, BROKEN), take(4), take(9, 4)]).toEqual(['1-0:null@random 1', '2', '3-2:4 4'])
    counter.sessionStarted('run')
    expect(take(10, SESSION_BOUNDARY)).toBe('5-4:null 6')
    counter.sessionStarted('other')
    expect(take(8, SESSION_BOUNDARY)).toBe('8-7:null@other 8')
  })

  it('are counted from the first tick on that has no position', () => {
    counter.sessionStarted('run')
    take(70)
    expect([take(0), take(71)]).toEqual(['1-0:null@random 1', '2'])
  })

  it('are not given to bytes that are no tick, whose positions are no further hole', () => {
    counter.sessionStarted('run')
    take(70)
    expect([take(NO_TICK), take(NO_SYMBOL), take(72)]).toEqual(['71-70:1 none', 'none', '72'])
  })
})
