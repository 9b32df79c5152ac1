import { expect, it } from 'vitest'
import { TickHistory } from '../../src/embedded-feed/tick-history.js'
import { decodeTick, decodeTickBatch, encodeTick } from '../support/proto-messages.js'

function append(history: TickHistory, symbol: string, sequence: number): number {
  const bytes = encodeTick({ symbol, kind: 1, sequence })
  return history.append(bytes, bytes.length, symbol)
}

it('counts ticks from 1 and returns each with its position', () => {
  const history = new TickHistory(8)
  expect([history.oldest, history.newest]).toEqual([1, 0])
  expect(append(history, 'A', 70)).toBe(1)
  expect(append(history, 'B', 71)).toBe(2)
  expect([history.oldest, history.newest]).toEqual([1, 2])
  expect(history.symbolAt(2)).toBe('B')
  expect(decodeTick(history.copyTick(2))).toMatchObject({ symbol: 'B', sequence: 71, position: 2 })
  const { ticks } = decodeTickBatch(history.copyRun(1, 3))
  expect(ticks.map(tick => [tick.symbol, tick.sequence, tick.position])).toEqual([
    ['A', 70, 1],
    ['B', 71, 2],
  ])
  expect(decodeTickBatch(history.copyBatch(2, 3))).toMatchObject({
    firstPosition: 2,
    ticks: [{ symbol: 'B' }],
  })
})

it('holds exactly the last N ticks after many rounds of the ring', () => {
  const history = new TickHistory(16)
  for (let i = 1; i <= 200; i++) {
    append(history, 'S'.repeat(1 + (i % 60)), i)
    expect(history.newest).toBe(i)
    expect(history.oldest).toBe(Math.max(1, i - 15))
    const read: number[] = []
    for (let from = history.oldest; from <= history.newest; ) {
      const end = history.endOfRun(from, 5, 1 << 16)
      for (const tick of decodeTickBatch(history.copyRun(from, end)).ticks) {
        expect(tick.symbol).toHaveLength(1 + (Number(tick.sequence) % 60))
        read.push(Number(tick.position))
      }
      from = end
    }
    expect(read).toEqual(Array.from({ length: read.length }, (_, k) => history.oldest + k))
    expect(read.at(-1)).toBe(i)
  }
})

it('holds fewer of the longest ticks, each of them whole', () => {
  const history = new TickHistory(64)
  const symbol = 'L'.repeat(1000)
  for (let i = 1; i <= 200; i++) {
    append(history, symbol, i)
    for (let position = history.oldest; position <= i; position++) {
      expect(decodeTick(history.copyTick(position))).toMatchObject({ symbol, sequence: position, position })
    }
  }
  expect(history.newest - history.oldest).toBeGreaterThanOrEqual(3)
})

it('says which position the next tick would replace, by the count or by the bytes', () => {
  const history = new TickHistory(16)
  const keptFrom = () => {
    let position = history.newest + 1
    while (position > history.oldest && history.canKeep(position - 1)) position--
    return position
  }
  for (let i = 1; i <= 100; i++) {
    expect(keptFrom()).toBe(Math.max(1, i - 15))
    append(history, 'S', i)
  }
  for (let i = 101; i <= 300; i++) {
    const from = keptFrom()
    append(history, 'L'.repeat(i % 3 ? 1000 : 50), i)
    expect(history.oldest).toBeLessThanOrEqual(from)
    expect(from).toBeLessThan(i)
  }
})

it('ends a run at the limit of ticks, at the limit of bytes, and after at least one tick', () => {
  const history = new TickHistory(64)
  for (let i = 1; i <= 50; i++) append(history, 'A', i)
  expect(history.endOfRun(1, 7, 1 << 16)).toBe(8)
  expect(history.endOfRun(48, 7, 1 << 16)).toBe(51)
  const three = history.entryLength(1) * 3
  expect(history.endOfRun(1, 7, three)).toBe(4)
  expect(history.endOfRun(1, 7, three - 1)).toBe(3)
  expect(history.endOfRun(1, 7, 1)).toBe(2)
})

it('takes a tick of 1,024 bytes and refuses a longer one', () => {
  const history = new TickHistory(8)
  const bytes = new Uint8Array(1024)
  expect(history.append(bytes, 1022, 'A')).toBe(1)
  expect(() => history.append(bytes, 1023, 'A')).toThrow('1024 bytes')
  expect(history.newest).toBe(1)
})

it('refuses a size that is no power of two', () => {
  for (const ticks of [0, 1, 3, 1000, 2.5, 2 ** 25])
    expect(() => new TickHistory(ticks)).toThrow('power of two')
})
