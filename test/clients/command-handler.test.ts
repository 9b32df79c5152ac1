import { expect, it } from 'vitest'
import type { RawData } from 'ws'
import type { Client } from '../../src/clients/client.js'
import { CommandHandler } from '../../src/clients/command-handler.js'
import { Subscriptions } from '../../src/clients/subscriptions.js'
import { systemClock } from '../../src/common/clock.js'
import type { Membership } from '../../src/fanout/membership.js'
import { EVERY_TICK } from '../../src/protocol/delivery.js'

const ANSWER_BYTES_MAX = 4096

/** What a command of so many symbols is refused with while answers of `waitingBytes` are on their way. */
function refusal(symbolCount: number, waitingBytes: number): string | undefined {
  const membership = { waitingBytes: () => waitingBytes, move: () => {} }
  const desk = new CommandHandler({
    membership: membership as unknown as Membership,
    clock: systemClock,
    answerBytesMax: ANSWER_BYTES_MAX,
    isOverloaded: () => false,
  })
  const subscriptions = new Subscriptions({ countMax: 1000, bytesMax: ANSWER_BYTES_MAX / 2 })
  const client = { subscriptions, delivery: EVERY_TICK } as unknown as Client
  const symbols = Array.from({ length: symbolCount }, (_, index) => `S${index}`)
  const text = JSON.stringify({ type: 'subscribe', id: 1, symbols })
  const answer = desk.obey(client, Buffer.from(text) as RawData, false)
  return answer?.type === 'error' ? answer.code : undefined
}

it('asks a client to wait only where that helps', () => {
  expect(refusal(10, 0)).toBeUndefined()
  expect(refusal(10, 3000)).toBe('too_many_commands')
  expect(refusal(100, 0)).toBe('command_too_large')
  expect(refusal(100, 3000)).toBe('command_too_large')
})
