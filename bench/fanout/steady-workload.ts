/**
 * The form of most workloads: one plan, one rate, the servers in turns, one table and one chart.
 */
import type { Plan } from '../processes/session.js'
import { contest, cpuBars, isFaulty, measuredTable } from './contest.js'
import { type FanoutOptions, measurePlan, type Workload, type WorkloadResult } from './workload.js'

export interface SteadyWorkload {
  readonly name: string
  readonly servers: readonly string[]
  readonly plan: (small: boolean) => Plan & { readonly rate: number }
  /** The title, for people, with the figures of the plan. */
  readonly title: (plan: Plan & { readonly rate: number }) => string
  readonly notes: readonly string[]
}

export function steadyWorkload(its: SteadyWorkload): Workload {
  return { name: its.name, servers: its.servers, run: options => run(its, options) }
}

async function run(its: SteadyWorkload, options: FanoutOptions): Promise<WorkloadResult> {
  const plan = its.plan(options.small)
  const measured = await contest(its, options, server => measurePlan(server, plan, options))
  const table = measuredTable(`${its.name}: ${its.title(plan)}`, measured)
  return {
    tables: [{ ...table, notes: [...its.notes, ...table.notes] }],
    charts: [
      { kind: 'bars', title: its.name, unit: 'server CPU µs per delivered tick', bars: cpuBars(measured) },
    ],
    runs: Object.fromEntries(measured.results),
    isFaulty: isFaulty(measured),
  }
}
