/**
 * Says whether a gateway or its load generator was at its limit. Any thread. Pure.
 */
import { CLOSE_CODES } from '../../protocol/close-codes.js'

/** Shares of time in which the thread of the generator was busy, 0 to 1. */
export interface GeneratorFacts {
  /** Of the measured time. */
  readonly generatorUtilisation: number
  /** Of the busiest second in it. */
  readonly generatorPeak: number
  /** Before the measured time, while clients were connected. */
  readonly generatorConnecting: number
}

export interface LoadFacts extends GeneratorFacts {
  readonly clients: number
  /** Clients that were subscribed when the measured time began. */
  readonly connected: number
  readonly ticks: number
  readonly silentErrors: number
  readonly refused: Readonly<Record<string, number>>
  readonly ended: Readonly<Record<string, number>>
  readonly refusedEntries: Readonly<Record<string, number>>
  /** By reason. */
  readonly gaps: Readonly<Record<string, { readonly gaps: number; readonly missed: number }>>
  readonly p99Us: number
}

export interface LoadVerdict {
  readonly limit: 'none' | 'gateway' | 'generator'
  /** Of the process. */
  readonly exitCode: 0 | 1 | 3
  /** One sentence each. */
  readonly reasons: readonly string[]
}

/** Above this share, messages wait for the generator and not for the gateway. */
const GENERATOR_BUSY = 0.85
/** In such a second, a generator that is less busy on the whole makes its clients slow. */
const GENERATOR_FULL = 0.95
/** A client that gets ticks later than this sees a market of the past. */
const LATE_US = 1_000_000
const SLOW_CONSUMER = String(CLOSE_CODES.slowConsumer.code)

export function loadVerdict(facts: LoadFacts): LoadVerdict {
  const { clients, connected, p99Us, silentErrors, ticks } = facts
  const faults: string[] = []
  if (silentErrors > 0) faults.push(`${silentErrors} silent errors: this is a bug, please report it`)
  for (const [code, count] of Object.entries(facts.refused))
    faults.push(`${count} clients were refused: ${code}`)
  for (const [code, count] of Object.entries(facts.refusedEntries))
    faults.push(`${count} entries were refused: ${code}`)
  const missing = clients - connected - sumOf(facts.refused)
  if (missing > 0) faults.push(`${missing} clients got no reply in time`)
  for (const [code, count] of Object.entries(facts.ended))
    faults.push(`${count} clients were ended with ${code}`)
  for (const [reason, { gaps, missed }] of Object.entries(facts.gaps))
    if (gaps > 0) faults.push(`${gaps} gaps of reason ${reason}, with ${missed} ticks`)
  if (connected > 0 && ticks === 0) faults.push('no tick came: look whether the gateway has a feed')
  if (p99Us > LATE_US) faults.push('one message in a hundred came more than a second late')
  const busy = generatorLimit(facts, missing)
  // A loss without a word is never the fault of a client that is slow.
  if (busy !== undefined && silentErrors === 0) {
    const reason = `the generator ${busy}, so these figures are its own: take fewer clients, several generators, or another machine`
    return { limit: 'generator', exitCode: 3, reasons: [reason, ...faults] }
  }
  return faults.length === 0
    ? { limit: 'none', exitCode: 0, reasons: [] }
    : { limit: 'gateway', exitCode: 1, reasons: faults }
}

/** @returns undefined: what went wrong is not the generator's */
function generatorLimit(facts: LoadFacts, missing: number): string | undefined {
  const { generatorConnecting, generatorPeak, generatorUtilisation } = facts
  const percent = (share: number) => `${Math.round(share * 100)} %`
  if (generatorUtilisation > GENERATOR_BUSY) return `was busy ${percent(generatorUtilisation)} of the time`
  if (missing > 0 && generatorConnecting > GENERATOR_BUSY)
    return `was busy ${percent(generatorConnecting)} of the time as it connected clients`
  if (generatorPeak > GENERATOR_FULL && areClientsSlow(facts))
    return `was busy ${percent(generatorPeak)} of a whole second`
  return undefined
}

/** Whether something went wrong as it does with clients that do not read. */
function areClientsSlow({ ended, gaps, p99Us }: LoadFacts): boolean {
  return p99Us > LATE_US || (gaps.slow?.gaps ?? 0) > 0 || ended[SLOW_CONSUMER] !== undefined
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
