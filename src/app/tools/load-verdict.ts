/**
 * Says whether a gateway or its load generator was at its limit. Any thread. Pure.
 */

export interface LoadFacts {
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
  /** Share of the measured time in which the thread of the generator was busy, 0 to 1. */
  readonly generatorUtilisation: number
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
/** A client that gets ticks later than this sees a market of the past. */
const LATE_US = 1_000_000

export function loadVerdict(facts: LoadFacts): LoadVerdict {
  const { clients, connected, generatorUtilisation, p99Us, silentErrors, ticks } = facts
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
  const isGeneratorBusy = generatorUtilisation > GENERATOR_BUSY
  // A loss without a word is never the fault of a client that is slow.
  if (isGeneratorBusy && silentErrors === 0) {
    const percent = Math.round(generatorUtilisation * 100)
    const reason = `the generator was busy ${percent} % of the time, so these figures are its own: take fewer clients, or several generators`
    return { limit: 'generator', exitCode: 3, reasons: [reason, ...faults] }
  }
  if (p99Us > LATE_US) faults.push('one message in a hundred came more than a second late')
  return faults.length === 0
    ? { limit: 'none', exitCode: 0, reasons: [] }
    : { limit: 'gateway', exitCode: 1, reasons: faults }
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
