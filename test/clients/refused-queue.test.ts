import { expect, it } from 'vitest'
import type { Client } from '../../src/clients/client.js'
import { MessageIntake, type MessageIntakeDeps } from '../../src/clients/message-intake.js'
import type { MessageQuota } from '../../src/clients/message-quota.js'
import type { WorkBudget } from '../../src/clients/work-budgets.js'
import { CounterWriter, counterBlockBytes } from '../../src/memory/counters.js'
import { MAIN_SLOT_COUNT } from '../../src/metrics/metric-table.js'
import { FakeClock } from '../support/fake-clock.js'

it('commands that came with one that is refused are refused at once, and their client waits once', async () => {
  const clock = new FakeClock()
  const log: string[] = []
  const client = {
    state: 'open',
    readsReplies: true,
    recipient: { replyBytes: 0 },
    socket: {
      pause: () => log.push('pause'),
      resume: () => log.push('resume'),
      guard: (run: () => void) => run(),
    },
  }
  const quota = { judge: () => 'accept', tryError: () => true }
  const waits = [500, undefined]
  // Others keep the shared budgets in debt.
  const work = { reserve: () => waits.shift(), charge: () => {}, chargeOwn: () => {}, debtMs: () => 60_000 }
  const deps = {
    clock,
    counters: new CounterWriter(new BigInt64Array(new SharedArrayBuffer(counterBlockBytes(MAIN_SLOT_COUNT)))),
    registry: { heartbeat: { restartTimeouts: () => {} } },
    settings: { pongTimeoutMs: 10_000, clientWorkPerSecond: 1 },
    commands: { handle: () => log.push('done'), idOf: () => 1, refuse: () => log.push('refused') },
  }
  const intake = new MessageIntake(
    client as unknown as Client,
    quota as unknown as MessageQuota,
    work as unknown as WorkBudget,
    deps as unknown as MessageIntakeDeps,
  )
  for (let count = 0; count < 4; count++)
    intake.take({ kind: 'command', data: Buffer.from('{}'), isBinary: false })
  await clock.pass(500, 100)
  expect(log).toEqual(['pause', 'done', 'refused', 'refused', 'refused', 'pause'])
  await clock.pass(5000, 100)
  expect(log.slice(6)).toEqual(['resume'])
})
