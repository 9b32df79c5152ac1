/**
 * The load process: many clients of one server, some of them witnesses. Its parent tells it when to connect, when the
 * measured time begins and when it ends.
 */
import { LoadClient, Witness } from './load-client.js'

export interface ConnectRequest {
  readonly port: number
  /** One client for each. */
  readonly paths: readonly string[]
  /** Every which client is a witness. */
  readonly witnessEvery: number
}

export interface LoadReport {
  readonly bytes: number
  readonly frames: number
  readonly closed: number
  readonly witnesses: number
  readonly witnessBytes: number
  readonly witnessTicks: number
  /** Ticks that gap messages told the witnesses of, by reason. */
  readonly missed: Readonly<Record<string, number>>
  readonly errorCount: number
  readonly errors: readonly string[]
  readonly p50Us: number
  readonly p99Us: number
}

/** Connections begun at once, so that the queue of those not accepted stays short. */
const AT_ONCE = 50

const clients: LoadClient[] = []
const witnesses: { readonly client: LoadClient; readonly witness: Witness }[] = []
let begun = totals()

async function open({ port, paths, witnessEvery }: ConnectRequest): Promise<void> {
  for (let first = 0; first < paths.length; first += AT_ONCE) {
    const some = paths.slice(first, first + AT_ONCE)
    await Promise.all(some.map((path, index) => openOne(port, path, (first + index) % witnessEvery === 0)))
  }
}

function openOne(port: number, path: string, isWitness: boolean): Promise<void> {
  return new Promise(resolve => {
    const witness = isWitness ? new Witness(!path.includes('symbols=')) : undefined
    const client = new LoadClient(port, path, resolve, witness)
    clients.push(client)
    if (witness !== undefined) witnesses.push({ client, witness })
  })
}

function totals(): { bytes: number; frames: number; witnessBytes: number; witnessTicks: number } {
  const sum = { bytes: 0, frames: 0, witnessBytes: 0, witnessTicks: 0 }
  for (const { bytes, frames } of clients) {
    sum.bytes += bytes
    sum.frames += frames
  }
  for (const { client, witness } of witnesses) {
    sum.witnessBytes += client.bytes
    sum.witnessTicks += witness.ticks
  }
  return sum
}

function begin(): void {
  begun = totals()
  for (const { witness } of witnesses) witness.isMeasuring = true
}

function end(): LoadReport {
  const now = totals()
  const latencies = Float64Array.from(witnesses.flatMap(({ witness }) => witness.latenciesUs)).sort()
  const quantile = (part: number): number =>
    latencies[Math.floor((latencies.length - 1) * part)] ?? Number.MAX_SAFE_INTEGER
  return {
    bytes: now.bytes - begun.bytes,
    frames: now.frames - begun.frames,
    closed: clients.filter(({ isClosed }) => isClosed).length,
    witnesses: witnesses.length,
    witnessBytes: now.witnessBytes - begun.witnessBytes,
    witnessTicks: now.witnessTicks - begun.witnessTicks,
    missed: missedByReason(),
    errorCount: witnesses.reduce((sum, { witness }) => sum + witness.errorCount, 0),
    errors: witnesses.flatMap(({ witness }) => witness.errors).slice(0, 5),
    p50Us: quantile(0.5),
    p99Us: quantile(0.99),
  }
}

function missedByReason(): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { witness } of witnesses) {
    for (const [reason, ticks] of witness.missed) sums[reason] = (sums[reason] ?? 0) + ticks
  }
  return sums
}

process.on('message', async (question: { readonly id: number; readonly ask: string } & ConnectRequest) => {
  const { id, ask } = question
  if (ask === 'connect') process.send?.({ id, answer: await open(question) })
  else if (ask === 'begin') process.send?.({ id, answer: begin() })
  else if (ask === 'end') process.send?.({ id, answer: end() })
})
// Its parent's end is its own.
process.on('disconnect', () => process.exit())
process.channel?.ref()
process.stdout.write(`${JSON.stringify({ ready: true })}\n`)
