/**
 * The input of a workload of `npm run bench:fanout`, and its result: tables for people, charts, and every single run.
 */
import type { Table } from '../benchmark.js'
import type { Measured } from '../processes/measured.js'
import { measureScenario } from '../processes/scenario.js'
import type { Plan } from '../processes/session.js'
import type { Chart } from './plot.js'
import type { ProgressLine } from './progress.js'

export interface FanoutOptions {
  /** A few clients and less than a second for each run: shows that the workload runs and is right, not how fast. */
  readonly small: boolean
  /** Runs of each server, in turns. */
  readonly runs: number
  /** Seconds that are measured in each run. */
  readonly seconds: number
  /** Replaces the servers that a workload names. */
  readonly servers: readonly string[] | undefined
  readonly profileFolder: string | undefined
  readonly progress: ProgressLine
}

export interface WorkloadResult {
  readonly tables: readonly Table[]
  readonly charts: readonly Chart[]
  /** The runs by server, and by variant where there are several. */
  readonly runs: Readonly<Record<string, readonly Measured[]>>
  /** Whether a server failed, or a witness found errors. */
  readonly isFaulty: boolean
}

export interface Workload {
  readonly name: string
  /** The servers to measure, Ringcast first. */
  readonly servers: readonly string[]
  run(options: FanoutOptions): Promise<WorkloadResult>
}

export const RINGCAST = 'ringcast'
export const ALL_SERVERS = [RINGCAST, 'ws', 'ws-frames', 'socket.io', 'uws', 'bun'] as const

/** Time before the measured time, in which caches, the compiler and the windows of TCP settle. */
export const WARM_UP_MS = 2000
export const WARM_UP_MS_SMALL = 100

export function warmUpMs({ small }: FanoutOptions): number {
  return small ? WARM_UP_MS_SMALL : WARM_UP_MS
}

export function everyTick(clients: number): string[] {
  return new Array<string>(clients).fill('/ws/ticks')
}

/** A plan, with the folder of the profiles when profiles are requested. */
export function profiled(plan: Plan, { profileFolder }: FanoutOptions): Plan {
  return { ...plan, profileFolder }
}

/** One run of a server at the plan's rate, for the requested time. @throws NotPossible */
export async function measurePlan(
  server: string,
  plan: Plan & { readonly rate: number },
  options: FanoutOptions,
): Promise<Measured> {
  const { rate } = plan
  const { progress, seconds } = options
  return await measureScenario(
    { ...profiled(plan, options), server, rate, warmUpMs: warmUpMs(options), seconds },
    progress.show,
  )
}
