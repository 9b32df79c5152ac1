/**
 * Finds the damage that an attack has done. Pure.
 */
import { median } from '../benchmark.js'
import type { LoadReport } from '../processes/load.js'
import type { Attack, AttackReport } from './attack.js'

/** The 99th percentile of the live clients' delay may grow by this factor. */
export const DELAY_RATIO_MAX = 1.2

export interface Outcome {
  readonly attack: Attack
  /** Quiet times: before, between and after the attacks. */
  readonly quiet: readonly LoadReport[]
  readonly attacked: readonly LoadReport[]
  /** Results of the live clients over their whole lives. */
  readonly last: LoadReport
  readonly reports: readonly AttackReport[]
  /** Exit code of the gateway, or the signal that ended it; undefined: it runs. */
  readonly exit: number | string | undefined
  readonly ticksMade: number
  readonly rssBytesBefore: number
  readonly rssBytesAfter: number
  readonly rssBytesMax: number
  /** Errors in the log of the gateway. */
  readonly complaints: readonly string[]
  /** Cores that other processes kept busy; NaN: unknown, because the gateway has ended. */
  readonly otherCores: number
}

export function p99Ratio({ attacked, quiet }: Outcome): number {
  const middle = (reports: readonly LoadReport[]): number => median(reports.map(({ p99Us }) => p99Us))
  return middle(attacked) / middle(quiet)
}

/** @returns a sentence for each fault; none: the gateway held */
export function faultsOf(outcome: Outcome, judgesDelay: boolean): string[] {
  const { attack, exit, last: clients, quiet, reports, rssBytesMax, ticksMade } = outcome
  const found: string[] = []
  if (exit !== (attack.endsGateway ? 0 : undefined))
    found.push(exit === undefined ? 'the gateway did not end' : `the gateway ended with ${exit}`)
  if (!attack.endsGateway && clients.closed > 0)
    found.push(`${clients.closed} of ${clients.witnesses} live clients were cut`)
  if (clients.errorCount > 0)
    found.push(`live clients found ${clients.errorCount} errors, such as: ${clients.errors[0]}`)
  if (clients.silent > 0) found.push(`${clients.silent} ticks were lost without a word`)
  if (!quiet.every(({ isServed }) => isServed)) found.push('some live clients got no tick any more')
  const ratio = p99Ratio(outcome)
  if (judgesDelay && exit === undefined && !attack.mayDelay && !(ratio <= DELAY_RATIO_MAX))
    found.push(
      `the p99 of the delay became ${ratio.toFixed(2)} times what it was, not at most ${DELAY_RATIO_MAX}`,
    )
  const rssMiB = Math.ceil(rssBytesMax / 2 ** 20)
  if (attack.rssMiBMax !== undefined && rssMiB > attack.rssMiBMax)
    found.push(`the gateway took ${rssMiB} MiB, not at most ${attack.rssMiBMax}`)
  found.push(...new Set(reports.flatMap(({ violations }) => violations)))
  found.push(...(attack.faults?.({ clients, reports, ticksMade }) ?? []))
  return found
}
