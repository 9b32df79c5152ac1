import { describe, expect, it } from 'vitest'
import { CostModel, type Load, type Usage } from '../../bench/capacity/cost-model.js'
import { fitCosts } from '../../bench/capacity/least-squares.js'
import { BUSY_MAX, planFor } from '../../bench/capacity/plan.js'

const LOADS: readonly Load[] = [
  { clients: 500, ticksIn: 100, ticksOut: 100, isShared: true },
  { clients: 500, ticksIn: 10_000, ticksOut: 10_000, isShared: true },
  { clients: 3000, ticksIn: 10, ticksOut: 10, isShared: true },
  { clients: 500, ticksIn: 10_000, ticksOut: 200, isShared: false },
  { clients: 2000, ticksIn: 5000, ticksOut: 100, isShared: false },
  { clients: 3000, ticksIn: 500, ticksOut: 10, isShared: false },
]

/** A gateway that gathers for 20 ms and costs just that. */
function usageOf({ clients, isShared, ticksIn, ticksOut }: Load): Usage {
  const messages = ticksOut / (1 + ticksOut * 0.02)
  const audiences = isShared ? 1 : clients
  return {
    mainCores: (1.5 * ticksIn + 6 * clients * messages + 0.02 * clients * ticksOut + 3 * clients) / 1e6,
    laneCores: (0.5 * ticksIn + 0.3 * audiences * ticksOut + 2 * audiences * messages) / 1e6,
    bytesPerSecond: clients * (110 * ticksOut + 40 * messages),
    messagesPerSecond: clients * messages,
    rssBytes: 80e6 + 9000 * clients,
  }
}

const model = new CostModel(LOADS.map(load => ({ load, usage: usageOf(load) })))

describe('the costs of a gateway', () => {
  it('are those of the loads that were measured', () => {
    expect(model.gatherSeconds).toBeCloseTo(0.02, 6)
    const other: Load = { clients: 15_000, ticksIn: 1000, ticksOut: 20, isShared: false }
    const usage = usageOf(other)
    for (const [key, value] of Object.entries(model.usageAt(other)))
      expect(value / usage[key as keyof Usage]).toBeCloseTo(1, 2)
  })

  it('are never below zero', () => {
    const rows = [1, 2].map(part => [1, part])
    expect(fitCosts(rows, [2, 1])[1]).toBe(0)
  })
})

describe('a plan', () => {
  const load: Load = { clients: 100_000, ticksIn: 10_000, ticksOut: 200, isShared: false }

  it('has gateways that are as busy as they may be, and no more', () => {
    const plan = planFor(model, load, 70)!
    expect(plan.gateways * plan.clientsOfGateway).toBeGreaterThanOrEqual(load.clients)
    const busy = ({ laneCores, mainCores }: Usage): number => Math.max(laneCores, mainCores)
    expect(busy(usageOf({ ...load, clients: plan.clientsOfGateway }))).toBeLessThan(BUSY_MAX + 0.001)
    const fewer = Math.ceil(load.clients / (plan.gateways - 1))
    expect(busy(usageOf({ ...load, clients: fewer }))).toBeGreaterThan(BUSY_MAX - 0.001)
    expect(plan.bytesInPerSecond).toBe(plan.gateways * 10_000 * 70)
  })

  it('is not possible where the feed alone is too much', () => {
    expect(planFor(model, { ...load, ticksIn: 1e6 }, 70)).toBeUndefined()
  })
})
