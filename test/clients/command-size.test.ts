import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/clients/client.js'
import { CommandHandler } from '../../src/clients/command-handler.js'
import { INTERVALS_MAX, Subscriptions } from '../../src/clients/subscriptions.js'
import { systemClock } from '../../src/common/clock.js'
import type { Membership } from '../../src/fanout/membership.js'
import type { Recipient } from '../../src/fanout/recipient.js'
import { StreamNumbering } from '../../src/ingest/stream-numbering.js'
import type { AudienceSpec, Selection, StreamForm } from '../../src/lane-protocol/audience-spec.js'
import {
  type CommandReply,
  encodeCommand,
  type JoinCommand,
  type LaneCommand,
  type Progress,
} from '../../src/lane-protocol/lane-commands.js'
import { COMMAND_OVERHEAD_BYTES } from '../../src/lanes/command-sender.js'
import { EVERY_TICK } from '../../src/protocol/delivery.js'
import { NO_PAST_EXTENT } from '../support/no-past.js'

const LARGEST = Number.MAX_SAFE_INTEGER
const LONGEST_FORM: StreamForm = {
  encoding: 'protobuf',
  batch: false,
  stamps: false,
  windowBits: 13,
  heartbeatMs: 60_000,
}
const LONGEST_PROGRESS: Progress = {
  ticksTotal: LARGEST,
  lostTotal: LARGEST,
  unknownLosses: LARGEST,
  statusNumber: LARGEST,
  serial: LARGEST,
  offset: LARGEST,
  epoch: LARGEST,
  flushedSerial: LARGEST,
}

/** Whether a command fits, where the symbols or the replies in it may take `textBytesMax`. */
function fits(command: LaneCommand, textBytesMax: number): boolean {
  return encodeCommand(command).length <= textBytesMax + COMMAND_OVERHEAD_BYTES
}

/** Parts of symbols. Some characters take six bytes as JSON. */
const anySymbol = fc.string({ unit: fc.constantFrom('A', '"', '\u0001', '€'), maxLength: 22 })

describe('the longest command', () => {
  it.each([
    [1024, 100_000],
    [8192, 100],
    [131_072, 100_000],
  ])(
    'fits when it names symbols, with turns of %i bytes and %i symbols of a client',
    (textBytesMax, countMax) => {
      fc.assert(
        fc.property(anySymbol, fc.nat(40), (start, length) => {
          const bytesMax = textBytesMax / 2
          const subscriptions = new Subscriptions({ countMax, bytesMax })
          const symbolAt = (index: number) => `${index}${start}${'x'.repeat(length)}`.slice(0, 20)
          for (let index = 0; ; index++) {
            const interval = 60_000 - (index % (INTERVALS_MAX + 1))
            const { refused } = subscriptions.add([symbolAt(index)], interval)
            if (refused[0]?.code === 'too_many_symbols') break
            expect(refused[0]?.code).not.toBe('bad_symbol')
          }
          const spec: AudienceSpec = { ...subscriptions.selection, ...LONGEST_FORM }
          expect(spec.latest.length).toBe(INTERVALS_MAX)
          expect(fits({ op: 'open', audience: LARGEST, client: LARGEST, spec }, textBytesMax)).toBe(true)
        }),
        { numRuns: 20 },
      )
    },
  )

  it('fits with as many replies as a client may wait for', () => {
    const character = fc.constantFrom('A', '"', '\u0001', '\ud800', '€', '😀', '*')
    const symbol = fc.string({ unit: character, maxLength: 80 })
    const command = fc.record({
      type: fc.constantFrom('subscribe', 'unsubscribe'),
      id: fc.oneof(fc.string({ unit: character, maxLength: 32 }), fc.constantFrom(LARGEST, -LARGEST)),
      symbols: fc.array(symbol, { minLength: 1, maxLength: 20 }),
      interval: fc.nat(60_000),
    })
    fc.assert(
      fc.property(fc.array(command, { minLength: 1, maxLength: 40 }), fc.nat(20), (commands, countMax) => {
        const replyBytesMax = 8192
        const replies: CommandReply[] = []
        let waitingBytes = 0
        const membership = {
          waitingBytes: () => waitingBytes,
          hasTooManyQueued: () => false,
          move: (_recipient: Recipient, _spec: Selection, reply: CommandReply, replyBytes: number) => {
            replies.push(reply)
            waitingBytes += replyBytes
          },
        }
        const client = {
          subscriptions: new Subscriptions({ countMax, bytesMax: replyBytesMax / 2 }),
          form: LONGEST_FORM,
          delivery: EVERY_TICK,
          reply: () => {},
        }
        const handler = new CommandHandler({
          membership: membership as unknown as Membership,
          clock: systemClock,
          counters: { values: new Float64Array(0) },
          replyBytesMax,
          isLaneBusy: () => false,
          advice: { afterRefusalS: () => 5 },
          past: NO_PAST_EXTENT,
          numbering: new StreamNumbering({ number: 0, name: 'epoch', isShared: false }),
        })
        for (const { interval, ...fields } of commands) {
          const delivery = fields.type === 'subscribe' ? { delivery: 'latest', interval } : {}
          const text = JSON.stringify({ ...fields, ...delivery })
          handler.handle(client as unknown as Client, Buffer.from(text), false)
        }
        const join: JoinCommand = {
          op: 'join',
          audience: LARGEST,
          leaving: LARGEST,
          client: LARGEST,
          name: `12345678-${LARGEST}`,
          request: LARGEST,
          fellBehindAt: LONGEST_PROGRESS,
          replay: {
            start: LARGEST,
            offset: LARGEST,
            reached: LARGEST,
            seq: LARGEST,
            ticks: LARGEST,
            statusNumber: LARGEST,
            earlier: LARGEST,
            serial: LARGEST,
            epoch: LARGEST,
          },
          replies,
        }
        expect(fits(join, replyBytesMax)).toBe(true)
        // The rest has room for what the lane adds to each reply: client, epoch, offset and so on.
        expect(Buffer.byteLength(JSON.stringify(replies))).toBeLessThanOrEqual(
          Math.max(2, waitingBytes - 200 * replies.length),
        )
      }),
      { numRuns: 300 },
    )
  })
})
