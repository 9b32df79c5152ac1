import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCommand, encodeCommand, type LaneCommand } from '../../src/lane-protocol/lane-commands.js'
import { anySymbol } from '../support/any-tick.js'

const id = fc.nat()
const total = fc.maxSafeNat()
const anyCommand: fc.Arbitrary<LaneCommand> = fc.oneof(
  fc.record({
    op: fc.constant('open' as const),
    audience: id,
    client: id,
    spec: fc.record({
      symbols: fc.oneof(fc.constant(null), fc.array(anySymbol)),
      latest: fc.array(fc.record({ intervalMs: fc.nat(), symbols: fc.array(anySymbol) })),
      batch: fc.boolean(),
      stamps: fc.boolean(),
      encoding: fc.constantFrom('json' as const, 'protobuf' as const),
      windowBits: fc.constantFrom(0, 9, 13),
      heartbeatMs: fc.constantFrom(0, 1000),
    }),
  }),
  fc.record({ op: fc.constant('close' as const), audience: id }),
  fc.record({
    op: fc.constant('join' as const),
    audience: id,
    leaving: id,
    client: id,
    name: fc.string(),
    request: id,
    fellBehindAt: fc.oneof(
      fc.constant(null),
      fc.record({
        ticksTotal: total,
        lostTotal: total,
        unknownLosses: total,
        statusNumber: total,
        serial: total,
        offset: total,
        epoch: total,
        flushedSerial: total,
      }),
    ),
    replay: fc.oneof(
      fc.constantFrom(null, 'gone' as const),
      fc.record({
        after: fc.record({ serial: total, offset: total, epoch: total, epochName: fc.string() }),
      }),
      fc.record({
        start: total,
        offset: total,
        reached: total,
        seq: total,
        ticks: total,
        statusNumber: total,
        serial: total,
        epoch: total,
        earlier: total,
      }),
    ),
    replies: fc.array(
      fc.record({
        type: fc.constant('subscribed' as const),
        delivery: fc.constantFrom('every' as const, 'latest' as const),
        snapshot: fc.boolean(),
        id: fc.oneof(fc.string(), fc.nat()),
        symbols: fc.array(anySymbol),
      }),
    ),
  }),
)

describe('a lane command', () => {
  it('comes out of shared memory as it went in', () => {
    fc.assert(
      fc.property(anyCommand, command => {
        const bytes = encodeCommand(command)
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 9)).fill(0x7b)
        shared.set(bytes, 4)
        expect(decodeCommand(shared.subarray(4, 4 + bytes.length))).toEqual(command)
      }),
    )
  })
})
