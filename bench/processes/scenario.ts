/**
 * One run of a server at one rate, from start to end.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Measured } from './measured.js'
import { type Plan, type Progress, Session } from './session.js'

export interface Scenario extends Plan {
  readonly server: string
  /** Ticks per second; 0: as fast as the server reads. */
  readonly rate: number
  readonly warmUpMs: number
  readonly seconds: number
}

/** One run at one rate, from start to end. @throws NotPossible */
export async function measureScenario(
  scenario: Scenario,
  onProgress?: (progress: Progress) => void,
): Promise<Measured> {
  const session = await Session.open(scenario.server, scenario)
  try {
    await session.setRate(scenario.rate)
    await sleep(scenario.warmUpMs)
    return await session.measure(scenario.seconds, onProgress)
  } finally {
    await session.close()
  }
}
