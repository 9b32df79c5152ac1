import { expect, it } from 'vitest'
import { FirstPosition } from '../../src/ticks/first-position.js'
import { marketCodec } from '../../src/ticks/market-codec.js'
import { encodeTick, encodeTickBatch } from '../support/proto-messages.js'

const first = new FirstPosition(marketCodec, marketCodec.createPositionReader())
const tick = { symbol: 'A', kind: 1 }

it('is found behind the ticks and in front of them', () => {
  const batch = encodeTickBatch({ ticks: [tick, tick], firstPosition: 70 })
  expect(first.find(batch)).toBe(70)
  expect(first.find(Buffer.concat([Buffer.from([0x10, 71]), encodeTickBatch({ ticks: [tick] })]))).toBe(71)
  expect(first.find(encodeTickBatch({ ticks: [], firstPosition: 2 ** 53 - 1 }))).toBe(2 ** 53 - 1)
})

it('is none where the first tick has a position, and none is given', () => {
  expect(first.find(encodeTickBatch({ ticks: [{ ...tick, position: 5 }], firstPosition: 70 }))).toBe(0)
  expect(first.find(encodeTickBatch({ ticks: [tick] }))).toBe(0)
  expect(first.find(encodeTickBatch({ ticks: [tick], firstPosition: 2n ** 53n }))).toBe(0)
})

it('is none in bytes that are no batch', () => {
  for (const bytes of [[], [0x10], [0x0a, 5, 1], [0x0b], [0x10, 0xff, 0xff], [0xff]])
    expect(first.find(Uint8Array.from(bytes))).toBe(0)
  const cut = encodeTick(tick)
  expect(first.find(cut.subarray(0, 3))).toBe(0)
})
