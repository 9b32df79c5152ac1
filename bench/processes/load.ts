/**
 * The load process: many clients of one server, some of them witnesses. The parent process tells it when to connect,
 * when the measured time begins, and when the measured time ends.
 */
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { LoadClient } from './load-client.js'
import { Samples } from './samples.js'
import { Witness } from './witness.js'

export interface ConnectRequest {
  readonly port: number
  /** The path of each client, with its query. */
  readonly paths: readonly string[]
  /** One of so many clients is a witness. */
  readonly witnessEvery: number
  /** One of so many messages is parsed completely by a witness. */
  readonly parseEvery: number
  readonly deflate: boolean
  /** The authority of the server's certificate; undefined: the server does not speak TLS. */
  readonly tlsCaPath?: string | undefined
  readonly isSocketIo: boolean
}

export interface ConnectAnswer {
  /** The server's response to the first client that it refused. */
  readonly refusal: string | undefined
}

export interface StallRequest {
  /** One of so many clients stops reading. Witnesses go on. */
  readonly every: number
}

/** Results since the measured time began. */
export interface LoadTotals {
  /** Bytes received by the clients that read. */
  readonly bytes: number
  readonly frames: number
  readonly witnessBytes: number
  readonly witnessTicks: number
  /** Whether every witness has received a tick. */
  readonly isServed: boolean
}

export interface LoadReport extends LoadTotals {
  /** Clients that were closed although they read, since they connected. */
  readonly closed: number
  /** The number of clients closed with each code, since they connected; 'none': without a close frame. */
  readonly closeCodes: Readonly<Record<string, number>>
  /** When the last client was closed; undefined: no client was closed. */
  readonly lastClosedMs: number | undefined
  /** The lowest and the highest of the witnesses' last offsets. */
  readonly offsets: readonly [number, number]
  /** Gaps of unknown size: the lowest number of a witness. */
  readonly unknownLosses: number
  readonly witnesses: number
  /** Missing ticks according to the witnesses' gap messages, by reason, since they connected. */
  readonly missed: Readonly<Record<string, number>>
  /** Ticks that did not reach the witnesses, as the sequences of the others show. */
  readonly lost: number
  /** Such ticks without a gap message. */
  readonly silent: number
  readonly errorCount: number
  readonly errors: readonly string[]
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
}

/** Connections begun at once. More would fill the server's queue of connections to accept. */
const AT_ONCE = 50

const clients: LoadClient[] = []
const witnesses: { readonly client: LoadClient; readonly witness: Witness }[] = []
let begun = { bytes: 0, frames: 0, witnessBytes: 0, witnessTicks: 0 }
let ticksBegun: readonly number[] = []

async function open(request: ConnectRequest): Promise<ConnectAnswer> {
  const { tlsCaPath } = request
  const secureContext =
    tlsCaPath === undefined ? undefined : createSecureContext({ ca: readFileSync(tlsCaPath) })
  for (let first = 0; first < request.paths.length; first += AT_ONCE) {
    const some = request.paths.slice(first, first + AT_ONCE)
    const refusals = await Promise.all(
      some.map((path, index) => openOne(request, path, first + index, secureContext)),
    )
    const refusal = refusals.find(answer => answer !== undefined)
    if (refusal !== undefined) return { refusal }
  }
  return { refusal: undefined }
}

function openOne(
  request: ConnectRequest,
  path: string,
  index: number,
  secureContext: SecureContext | undefined,
): Promise<string | undefined> {
  const { port, witnessEvery, parseEvery, deflate, isSocketIo } = request
  return new Promise(opened => {
    const witness =
      index % witnessEvery === 0
        ? new Witness({
            getsAll: !path.includes('symbols='),
            getsEvery: !path.includes('delivery=latest'),
            parseEvery,
          })
        : undefined
    const client = new LoadClient({ port, path, deflate, isSocketIo, secureContext, reader: witness, opened })
    clients.push(client)
    if (witness !== undefined) witnesses.push({ client, witness })
  })
}

function stall({ every }: StallRequest): void {
  const without = new Set(witnesses.map(({ client }) => client))
  clients.forEach((client, index) => {
    if (index % every === every - 1 && !without.has(client)) client.stall()
  })
}

function totals(): typeof begun {
  const sum = { bytes: 0, frames: 0, witnessBytes: 0, witnessTicks: 0 }
  for (const { bytes, frames, isStalled } of clients) {
    if (isStalled) continue
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
  ticksBegun = witnesses.map(({ witness }) => witness.ticks)
  begun = totals()
  for (const { witness } of witnesses) witness.latenciesUs.clear()
}

function sinceBegun(): LoadTotals {
  const now = totals()
  return {
    bytes: now.bytes - begun.bytes,
    frames: now.frames - begun.frames,
    witnessBytes: now.witnessBytes - begun.witnessBytes,
    witnessTicks: now.witnessTicks - begun.witnessTicks,
    isServed: witnesses.every(({ witness }, index) => witness.ticks > ticksBegun[index]!),
  }
}

function end(): LoadReport {
  const since = sinceBegun()
  const all = witnesses.map(({ witness }) => witness)
  const [p50Us, p99Us, p999Us] = Samples.quantiles(
    all.map(({ latenciesUs }) => latenciesUs),
    [0.5, 0.99, 0.999],
  ) as [number, number, number]
  const sum = (of: (witness: Witness) => number): number =>
    all.reduce((total, witness) => total + of(witness), 0)
  return {
    ...since,
    closed: clients.filter(({ isClosed, isStalled }) => isClosed && !isStalled).length,
    closeCodes: closeCodes(),
    lastClosedMs: clients.some(({ isClosed }) => isClosed)
      ? Math.max(...clients.map(({ closedMs }) => closedMs ?? 0))
      : undefined,
    offsets: [least(all, ({ lastOffset }) => lastOffset), -least(all, ({ lastOffset }) => -lastOffset)],
    unknownLosses: least(all, ({ unknownLosses }) => unknownLosses),
    witnesses: all.length,
    missed: missedByReason(),
    lost: sum(({ lost }) => lost),
    silent: sum(({ silent }) => silent),
    errorCount: sum(({ errorCount }) => errorCount),
    errors: all.flatMap(({ errors }) => errors).slice(0, 5),
    p50Us,
    p99Us,
    p999Us,
  }
}

function least(all: readonly Witness[], of: (witness: Witness) => number): number {
  return Math.min(...all.map(of))
}

function closeCodes(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { closeCode = 'none', isClosed } of clients)
    if (isClosed) counts[closeCode] = (counts[closeCode] ?? 0) + 1
  return counts
}

function missedByReason(): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { witness } of witnesses) {
    for (const [reason, ticks] of witness.missed) sums[reason] = (sums[reason] ?? 0) + ticks
  }
  return sums
}

type Ask = 'connect' | 'stall' | 'begin' | 'sample' | 'end'

process.on('message', async (question: { readonly id: number; readonly ask: Ask }) => {
  const answers = { connect: open, stall, begin, sample: sinceBegun, end }
  const answer = await (answers[question.ask] as (what: object) => unknown)(question)
  process.send?.({ id: question.id, answer })
})
// This process ends with its parent.
process.on('disconnect', () => process.exit())
process.stdout.write('{"ready":true}\n')
