import { beforeEach, describe, expect, it } from 'vitest'
import { StreamNumbering } from '../../src/ingest/stream-numbering.js'

const RUN = { number: 1, name: 'run', isShared: true }
let numbering: StreamNumbering

const loss = (from: number, to: number, offset = to) =>
  ({ op: 'lost', reason: 'upstream', missed: 1, from, to, offset }) as const
const beginRun = (from: number) => numbering.lossAppended({ ...loss(from, from - 1), missed: 0, epoch: RUN })
/** The serial number of the place. */
const find = (epoch: string, offset: number) => {
  const found = numbering.find(epoch, offset)
  return typeof found === 'string' ? found : found.serial
}

beforeEach(() => {
  numbering = new StreamNumbering({ number: 0, name: 'first', isShared: false })
})

describe('the numbering of a stream', () => {
  it('finds places behind ticks, and those that are to come', () => {
    numbering.ticksAppended(3, 1)
    numbering.ticksAppended(2, 4)
    expect([0, 1, 4, 5, 6].map(offset => find('first', offset))).toEqual([0, 1, 4, 5, 'future'])
    expect(numbering.find('first', 2)).toEqual({ serial: 2, offset: 2, epoch: 0, epochName: 'first' })
    expect(numbering.place).toEqual({ serial: 5, offset: 5, epoch: 0 })
  })

  it('goes back before a hole from an offset in it, so that it is told again rather than never', () => {
    beginRun(70)
    numbering.ticksAppended(2, 70)
    numbering.lossAppended(loss(72, 2 ** 40))
    numbering.ticksAppended(1, 2 ** 40 + 1)
    expect([69, 70, 71, 72, 2 ** 40 - 1].map(offset => find('run', offset))).toEqual([1, 2, 3, 3, 3])
    expect([2 ** 40, 2 ** 40 + 1, 2 ** 40 + 2].map(offset => find('run', offset))).toEqual([4, 5, 'future'])
    expect(find('run', 68)).toBe('gone')
  })

  it('goes back before a loss that has no offset', () => {
    beginRun(70)
    numbering.ticksAppended(1, 70)
    numbering.lossAppended(loss(71, 70))
    numbering.lossAppended(loss(71, 70))
    numbering.ticksAppended(1, 71)
    expect([70, 71].map(offset => find('run', offset))).toEqual([2, 5])
  })

  it('ends an earlier epoch where the next one begins', () => {
    numbering.ticksAppended(3, 1)
    beginRun(2)
    numbering.ticksAppended(2, 2)
    expect([find('first', 2), find('first', 3), find('first', 9)]).toEqual([2, 3, 3])
    expect([find('run', 1), find('run', 2), find('run', 4)]).toEqual([4, 5, 'future'])
    expect(find('other', 2)).toBe('gone')
    expect(numbering.epochsUpTo(3)).toEqual([
      { epoch: expect.objectContaining({ name: 'first' }), serial: 0 },
    ])
    expect(numbering.epochsUpTo(4).map(({ serial }) => serial)).toEqual([0, 4])
  })

  it('does not know another epoch while a source may still name it', () => {
    expect(find('run', 5)).toBe('gone')
    numbering.sourceAttached()
    expect([find('run', 5), find('first', 0)]).toEqual(['unnamed', 0])
    beginRun(6)
    expect([find('run', 5), find('run', 6)]).toEqual([1, 'future'])
  })

  it('forgets the oldest holes of a feed that loses without end', () => {
    for (let tick = 1; tick <= 20_000; tick++) numbering.ticksAppended(1, 2 * tick)
    expect([find('first', 2), find('first', 39_998)]).toEqual(['gone', 19_999])
  })
})
