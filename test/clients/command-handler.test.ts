import { expect, it } from 'vitest'
import type { Client } from '../../src/clients/client.js'
import { CommandHandler } from '../../src/clients/command-handler.js'
import { Subscriptions } from '../../src/clients/subscriptions.js'
import { systemClock } from '../../src/common/clock.js'
import type { Membership } from '../../src/fanout/membership.js'
import { StreamNumbering } from '../../src/ingest/stream-numbering.js'
import { MAIN_SLOTS } from '../../src/metrics/metric-table.js'
import { EVERY_TICK } from '../../src/protocol/delivery.js'
import type { ControlMessage } from '../../src/protocol/messages.js'
import { NO_PAST_EXTENT } from '../support/no-past.js'

const REPLY_BYTES_MAX = 4096

const values = new Float64Array(Object.keys(MAIN_SLOTS).length)

/** The error code for a command of so many symbols while the client waits for replies of `waitingBytes`. */
function errorCode(symbolCount: number, waitingBytes: number): string | undefined {
  const membership = { waitingBytes: () => waitingBytes, hasTooManyQueued: () => false, move: () => {} }
  const handler = new CommandHandler({
    membership: membership as unknown as Membership,
    clock: systemClock,
    counters: { values },
    replyBytesMax: REPLY_BYTES_MAX,
    isLaneBusy: () => false,
    advice: { afterRefusalS: () => 5 },
    past: NO_PAST_EXTENT,
    numbering: new StreamNumbering({ number: 0, name: 'epoch', isShared: false }),
  })
  const replies: ControlMessage[] = []
  const client = {
    subscriptions: new Subscriptions({ countMax: 1000, bytesMax: REPLY_BYTES_MAX / 2 }),
    delivery: EVERY_TICK,
    reply: (message: ControlMessage) => replies.push(message),
  } as unknown as Client
  const symbols = Array.from({ length: symbolCount }, (_, index) => `S${index}`)
  const text = JSON.stringify({ type: 'subscribe', id: 1, symbols })
  handler.handle(client, Buffer.from(text), false)
  const [reply] = replies
  return reply?.type === 'error' ? reply.code : undefined
}

it('a client is asked to wait only where waiting helps', () => {
  expect(errorCode(10, 0)).toBeUndefined()
  expect(errorCode(10, 3000)).toBe('too_many_commands')
  expect(errorCode(100, 0)).toBe('command_too_large')
  expect(errorCode(100, 3000)).toBe('command_too_large')
  expect(values[MAIN_SLOTS.commandsRefused]).toBe(1)
})
