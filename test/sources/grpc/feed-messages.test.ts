import { expect, it } from 'vitest'
import { decodeStreamRequest, encodeStreamRequest } from '../../../src/sources/grpc/feed-messages.js'
import { decodeTick, decodeTickBatch, encodeTick, encodeTickBatch } from '../../support/proto-messages.js'

const tick = {
  symbol: 'ETHUSDT',
  kind: 1,
  sequence: 35346537926,
  sourceTimeNs: 1723161255088169167n,
  bid: 2682.79,
  bidSize: 28.6403,
  ask: 2682.8,
  askSize: 4.0958,
  last: 0,
  lastSize: 0,
  position: 812,
}

it('encodes ticks that decode to the same, with bigints only for integers that are not safe', () => {
  expect(decodeTick(encodeTick(tick))).toEqual(tick)
  expect(decodeTickBatch(encodeTickBatch({ ticks: [tick, tick] }))).toMatchObject({ ticks: [tick, tick] })
  const wide = { ...tick, sequence: 2n ** 64n - 1n, sourceTimeNs: -(2n ** 63n) }
  expect(decodeTick(encodeTick(wide))).toEqual(wide)
})

it('reads a missing field as its default', () => {
  expect(decodeTick(new Uint8Array())).toMatchObject({
    symbol: '',
    kind: 0,
    sequence: 0,
    bid: 0,
    position: 0,
  })
  expect(decodeTickBatch(new Uint8Array())).toEqual({ ticks: [], firstPosition: 0 })
  expect(decodeStreamRequest(new Uint8Array())).toEqual({ symbols: [], fromPosition: 0 })
})

it('encodes requests that decode to the same', () => {
  const request = { symbols: ['A', 'B'], fromPosition: 2 ** 53 - 1 }
  expect(decodeStreamRequest(encodeStreamRequest(request))).toEqual(request)
})

it('throws at bytes that are no message', () => {
  expect(() => decodeTick(Buffer.from([0x0a, 200]))).toThrow()
})
