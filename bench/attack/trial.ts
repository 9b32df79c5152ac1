/**
 * One attack from its start to its verdict. Quiet times and attacks take turns, so that other work of the machine
 * disturbs both alike.
 */
import type { LoadReport } from '../processes/load.js'
import type { Attack, AttackReport } from './attack.js'
import { Scene } from './scene.js'
import type { Outcome } from './verdict.js'

export interface TrialOptions {
  readonly clients: number
  /** Seconds of attack, in all rounds together. */
  readonly seconds: number
  readonly rounds: number
  readonly onRound: (text: string) => void
}

/** Seconds of a quiet time before and after one long attack. */
const QUIET_SECONDS_MAX = 20

export async function trial(attack: Attack, options: TrialOptions): Promise<Outcome> {
  const rounds = attack.isOneLong ? 1 : options.rounds
  const seconds = options.seconds / rounds
  const quietSeconds = Math.min(seconds, QUIET_SECONDS_MAX)
  const scene = await Scene.open({ attack, clients: options.clients, seconds })
  try {
    const quiet: LoadReport[] = []
    const attacked: LoadReport[] = []
    const reports: AttackReport[] = []
    let rssBytesBefore = 0
    const startMs = performance.now()
    const otherUsBefore = scene.otherCpuUs
    for (let round = 1; round <= rounds && scene.exit === undefined; round++) {
      options.onRound(`${attack.name}: round ${round} of ${rounds}`)
      quiet.push(await scene.quiet(quietSeconds))
      if (round === 1) rssBytesBefore = scene.rssBytes
      const { clients, report } = await scene.attacked()
      attacked.push(clients)
      reports.push(report)
    }
    if (scene.exit === undefined) quiet.push(await scene.quiet(quietSeconds))
    return {
      attack,
      quiet,
      attacked,
      last: await scene.seenByClients(),
      reports,
      exit: scene.exit,
      ticksMade: await scene.ticksMade(),
      rssBytesBefore,
      rssBytesAfter: scene.rssBytes,
      rssBytesMax: scene.rssBytesMax,
      complaints: scene.complaints,
      otherCores: (scene.otherCpuUs - otherUsBefore) / (1000 * (performance.now() - startMs)),
    }
  } finally {
    await scene.close()
  }
}
