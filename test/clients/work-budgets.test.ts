import { describe, expect, it } from 'vitest'
import { WorkBudgets } from '../../src/clients/work-budgets.js'
import { type HandlerOptions, handlerOptions } from '../../src/config/config.js'
import { FakeClock } from '../support/fake-clock.js'

const KIB = 1024

describe('work budgets', () => {
  const ON_TIME = { heldUpMs: () => 0 }
  const SECONDS = 8

  const clock = new FakeClock()

  function budgets(options: Partial<HandlerOptions>): WorkBudgets {
    return new WorkBudgets({ settings: handlerOptions(options), clock, patience: ON_TIME })
  }

  it('serve waiting clients in the order in which they reserve', () => {
    const all = budgets({ addressWorkPerSecond: 100 * KIB })
    const clients = Array.from({ length: 4 }, () => all.ofClient('a'))
    all.ofConnection('a').charge((SECONDS + 0.2) * 100 * KIB)
    const waitsMs = [...clients, clients[0]!].map(client => client.reserve(20 * KIB))
    expect(waitsMs.map(waitMs => Math.round(waitMs!))).toEqual([200, 400, 600, 800, 1000])
    expect(clients[1]!.reserve(1)).toBeUndefined()
    clock.advance(200)
    expect(clients[1]!.reserve(1)).toBeCloseTo(1000)
    expect(all.ofClient('b').reserve(1)).toBe(0)
  })

  it('let a client owe for what others do not pay, and spend no more than there is', () => {
    const all = budgets({ clientWorkPerSecond: KIB, addressWorkPerSecond: KIB })
    const client = all.ofClient('a')
    client.chargeOwn(100 * KIB)
    expect([client.debtMs(), all.ofConnection('a').debtMs()]).toEqual([(100 - SECONDS) * 1000, 0])
    all.ofConnection('a').spendShared(100 * KIB)
    expect(all.ofConnection('a').debtMs()).toBe(0)
    all.ofConnection('a').charge(KIB)
    expect(all.ofConnection('a').debtMs()).toBe(1000)
  })

  it('forget addresses whose budget is full again', () => {
    const all = budgets({})
    for (let address = 0; address < 1000; address++) all.ofConnection(`a${address}`).charge(1)
    const most = all.addressCount
    clock.advance(1000 * SECONDS)
    for (let address = 0; address < 1000; address++) all.ofConnection(`b${address}`).charge(1)
    expect(all.addressCount).toBeLessThanOrEqual(most + 1)
    expect(all.ofConnection('b999').debtMs()).toBe(0)
  })
})
