import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/clients/client.js'
import { CommandHandler } from '../../src/clients/command-handler.js'
import { INTERVALS_MAX, Subscriptions } from '../../src/clients/subscriptions.js'
import { systemClock } from '../../src/common/clock.js'
import { LaneLink } from '../../src/fanout/lane-link.js'
import type { Membership } from '../../src/fanout/membership.js'
import type { Recipient } from '../../src/fanout/recipient.js'
import { Ingest } from '../../src/ingest/ingest.js'
import type { AudienceSpec, Selection, StreamForm } from '../../src/lane-protocol/audience-spec.js'
import type { CommandAnswer, LaneCommand, Progress } from '../../src/lane-protocol/lane-commands.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { laneLayout } from '../../src/memory/lane-layout.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { MAIN_SLOT_COUNT } from '../../src/metrics/metric-table.js'
import { EVERY_TICK } from '../../src/protocol/delivery.js'
import { RESEND_DEPTH_MAX } from '../../workers/read/feed-continuity.js'

const LARGEST = Number.MAX_SAFE_INTEGER
const LONGEST_FORM: StreamForm = { encoding: 'protobuf', batch: false, stamps: false, windowBits: 13 }
const LONGEST_PROGRESS: Progress = {
  ticksTotal: LARGEST,
  lostTotal: LARGEST,
  unknownLosses: LARGEST,
  lastOffset: LARGEST,
  flushedOffset: LARGEST,
}

function intakeWith(logBytes: number): Ingest {
  const counters = new CounterWriter(
    new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT))),
  )
  const links = [new LaneLink(0, laneLayout(65_536, 2048, 0), 8, () => {})]
  const tickLog = new SharedArrayBuffer(tickLogBytes(logBytes))
  return new Ingest({ tickLog, links, queueSize: 1_000_000, clock: systemClock, counters })
}

/** Parts of symbols. Some characters take six bytes as JSON. */
const anySymbol = fc.string({ unit: fc.constantFrom('A', '"', '\u0001', '€'), maxLength: 22 })

describe('the longest command', () => {
  it.each([
    [65_536, 100],
    [65_536, 100_000],
    [1 << 20, 100_000],
  ])('fits into a tick log of %i bytes when a client may have %i symbols', (logBytes, countMax) => {
    fc.assert(
      fc.property(anySymbol, fc.nat(40), (start, length) => {
        const intake = intakeWith(logBytes)
        const bytesMax = intake.commandBytesMax / 2
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
        intake.command(0, { op: 'open', audience: LARGEST, spec })
      }),
      { numRuns: 20 },
    )
  })

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
        const intake = intakeWith(65_536)
        const { commandBytesMax: replyBytesMax } = intake
        const answers: CommandAnswer[] = []
        let waitingBytes = 0
        const membership = {
          waitingBytes: () => waitingBytes,
          move: (_recipient: Recipient, _spec: Selection, answer: CommandAnswer, answerBytes: number) => {
            answers.push(answer)
            waitingBytes += answerBytes
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
          replyBytesMax,
          isOverloaded: () => false,
        })
        for (const { interval, ...fields } of commands) {
          const delivery = fields.type === 'subscribe' ? { delivery: 'latest', interval } : {}
          const text = JSON.stringify({ ...fields, ...delivery })
          handler.handle(client as unknown as Client, Buffer.from(text), false)
        }
        const join: LaneCommand = {
          op: 'join',
          audience: LARGEST,
          leaving: LARGEST,
          client: LARGEST,
          name: `12345678-${LARGEST}`,
          join: LARGEST,
          fellBehindAt: LONGEST_PROGRESS,
          replay: {
            offset: LARGEST,
            seq: LARGEST,
            continuity: {
              lastPosition: LARGEST,
              lostSincePosition: LARGEST,
              lastMark: -(2 ** 31),
              resendDepth: RESEND_DEPTH_MAX,
              atSessionBoundary: false,
              isInDoubt: true,
            },
          },
          answers,
        }
        intake.command(0, join)
        // The rest has room for what the lane adds to each reply: client, epoch, offset and so on.
        expect(Buffer.byteLength(JSON.stringify(answers))).toBeLessThanOrEqual(
          Math.max(2, waitingBytes - 200 * answers.length),
        )
      }),
      { numRuns: 300 },
    )
  })
})
