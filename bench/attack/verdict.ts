/**
 * What is wrong with how a gateway took an attack. Pure.
 */
import { median } from '../benchmark.js'
import type { LoadReport } from '../processes/load.js'
import type { Attack, AttackReport } from './attack.js'

/** By how much the 99th percentile of the live clients' delay may grow. */
export const DELAY_RATIO_MAX = 1.2

export interface Outcome {
  readonly attack: Attack
  /** Before and between the attacks, and after the last. */
  readonly quiet: readonly LoadReport[]
  readonly attacked: readonly LoadReport[]
  /** What the live clients saw from their start to the end. */
  readonly last: LoadReport
  readonly reports: readonly AttackReport[]
  /** Of the gateway: its exit code, or the signal that ended it; undefined: it runs. */
  readonly exit: number | string | undefined
  readonly ticksMade: number
  readonly rssBytesBefore: number
  readonly rssBytesAfter: number
  /** What the gateway logged as errors. */
  readonly complaints: readonly string[]
  /** Cores’ worth of what the machine did besides; NaN: unknown, since the gateway has ended. */
  readonly otherCores: number
}

export function p99Ratio({ attacked, quiet }: Outcome): number {
  const middle = (reports: readonly LoadReport[]): number => median(reports.map(({ p99Us }) => p99Us))
  return middle(attacked) / middle(quiet)
}

/** @returns a sentence for each; none: it held */
export function faultsOf(outcome: Outcome, judgesDelay: boolean): string[] {
  const { attack, exit, last: clients, quiet, reports, ticksMade } = outcome
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
  found.push(...new Set(reports.flatMap(({ violations }) => violations)))
  found.push(...(attack.faults?.({ clients, reports, ticksMade }) ?? []))
  return found
}
