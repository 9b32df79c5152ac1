import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CounterWriter } from '../../../src/memory/counters.js'
import { LANE_SLOT_COUNT, LANE_SLOTS, type LaneMetric } from '../../../src/metrics/metric-table.js'
import { writeBinaryFrameHeader, writeTextFrameHeader } from '../../../src/protocol/websocket-frame.js'
import { Deflater } from '../../../workers/compose/deflater.js'
import { framesOf, inflated } from '../../support/frames.js'

const AT = 100

/** A message in a plain frame in shared memory, as in a lane. */
function begin(message: Uint8Array, bytesMin = 0, writeHeader = writeTextFrameHeader) {
  const bytes = new Uint8Array(new SharedArrayBuffer(message.length + 2 * AT)).fill(0xee)
  const payloadStart = writeHeader(bytes, AT, message.length)
  bytes.set(message, payloadStart)
  const counters = new CounterWriter(new BigInt64Array(LANE_SLOT_COUNT))
  const deflater = new Deflater(bytes, { bytesMin, level: 6 }, counters)
  function deflate(windowBits = 13) {
    const end = deflater.deflate(AT, payloadStart, payloadStart + message.length, windowBits)
    const [frame, ...others] = framesOf(bytes.slice(AT, end))
    expect(others).toEqual([])
    expect([...bytes.slice(0, AT)]).toEqual(new Array(AT).fill(0xee))
    return frame!
  }
  const count = (metric: LaneMetric) => counters.values[LANE_SLOTS[metric]]
  return { count, deflate }
}

const repeating = (length: number) => Buffer.alloc(length, '{"symbol":"BTCUSDT","kind":"quote"},')

describe('the deflater', () => {
  it('replaces a plain frame by a compressed one, text or binary', () => {
    for (const [writeHeader, first] of [
      [writeTextFrameHeader, 0xc1],
      [writeBinaryFrameHeader, 0xc2],
    ] as const) {
      // Headers of 2, 4 and 10 bytes, before and after.
      for (const length of [100, 5000, 70_000]) {
        const message = repeating(length)
        const { deflate } = begin(message, 0, writeHeader)
        const frame = deflate()
        expect(frame.first).toBe(first)
        expect(frame.payload.length).toBeLessThan(length / 2)
        expect(inflated(frame.payload, 13)).toEqual(message)
      }
    }
  })

  it('leaves out the four bytes that the other side adds', () => {
    const { payload } = begin(repeating(1000)).deflate()
    expect(payload.subarray(-4).toString('hex')).not.toBe('0000ffff')
    // The last block is empty, and its length was left out.
    expect(payload.at(-1)).toBe(0)
  })

  it('leaves a message plain that is shorter than the bound', () => {
    for (const [length, first, deflated] of [
      [999, 0x81, 0],
      [1000, 0xc1, 1],
    ] as const) {
      const message = repeating(length)
      const { count, deflate } = begin(message, 1000)
      const frame = deflate()
      expect([frame.first, count('messagesDeflated')]).toEqual([first, deflated])
      expect(count('deflateInBytes')).toBe(deflated * length)
    }
  })

  it('leaves a message plain that would not get shorter', () => {
    const message = new Uint8Array(300)
    for (let index = 0; index < message.length; index++) message[index] = (index * index * 167) >>> 3
    const { count, deflate } = begin(message)
    const { first, payload } = deflate()
    expect([first, [...payload]]).toEqual([0x81, [...message]])
    expect([count('messagesDeflated'), count('deflateInBytes'), count('deflateOutBytes')]).toEqual([
      0, 300, 300,
    ])
  })

  it('counts the bytes that go in and come out', () => {
    const { count, deflate } = begin(repeating(3000))
    const { payload } = deflate()
    expect([count('messagesDeflated'), count('deflateInBytes'), count('deflateOutBytes')]).toEqual([
      1,
      3000,
      payload.length,
    ])
  })

  it('gives back every message, of any length, within the window', () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .record({ byte: fc.nat(255), length: fc.nat(2000) })
        .map(({ byte, length }) => Buffer.alloc(length, byte)),
      fc.nat(2000).map(repeating),
    )
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 8 }).map(parts => Buffer.concat(parts)),
        fc.integer({ min: 9, max: 15 }),
        (message, windowBits) => {
          fc.pre(message.length > 0)
          const { first, payload } = begin(message).deflate(windowBits)
          // A client with a window of 8 bits gets messages that were compressed with 9.
          const back = first === 0xc1 ? inflated(payload, windowBits === 9 ? 8 : windowBits) : payload
          expect(back.equals(message)).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('gives back messages whose result fills its room to the last byte', () => {
    // Noise and padding in every proportion, so that results of all lengths around half of the message occur.
    const noise = new Uint8Array(600)
    for (let index = 0; index < noise.length; index++)
      noise[index] = (Math.imul(index + 1, 2654435761) >>> 13) & 0xff
    for (let length = 64; length <= 600; length++) {
      const message = Buffer.concat([noise.subarray(0, length), Buffer.alloc(length + 24)])
      const { first, payload } = begin(message).deflate()
      expect(first).toBe(0xc1)
      expect(inflated(payload, 13).equals(message)).toBe(true)
    }
  })
})
