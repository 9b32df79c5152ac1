/**
 * Question: how long does a tick take from the feed to a client through a relay and NATS, compared with a gateway that
 *   reads the feed itself?
 * Workload: 10,000 ticks/s of 1,000 symbols, 500 clients with 20 of them each. Feed, relay, server of NATS, gateway and
 *   clients are processes of this machine. The two ways in turns.
 * Leaves out: the network; a cluster of NATS. The clocks are one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { NatsServer, noNatsServer } from '../test/support/nats-server.js'
import { type Benchmark, type BenchmarkOptions, type Cell, median, rounded, type Table } from './benchmark.js'
import { PORTFOLIO_SYMBOLS, portfolioPath } from './fanout/workloads/portfolio.js'
import { Child } from './processes/child.js'
import { freePort } from './processes/free-port.js'
import type { ConnectAnswer, ConnectRequest, LoadReport } from './processes/load.js'
import { AMPLE_BUDGETS } from './processes/session.js'

export const relayLatency: Benchmark = { name: 'relay-latency', run }

const TICKS_PER_SECOND = 10_000
const CLIENTS = 500
const WITNESSES = 10
const SECONDS = 10
const WARM_UP_MS = 3000
const ROUNDS = 3
const CONNECT_MS = 30_000
const WAYS = ['gateway alone', 'relay, NATS, gateway'] as const

type Way = (typeof WAYS)[number]

async function run({ small, tell }: BenchmarkOptions): Promise<Table[]> {
  const title = 'relay-latency: from the feed to a client, through JetStream or not'
  if (noNatsServer !== undefined) return [{ title, columns: [], rows: [], notes: [noNatsServer] }]
  const reports: Record<Way, LoadReport[]> = { 'gateway alone': [], 'relay, NATS, gateway': [] }
  for (let round = 1; round <= (small ? 1 : ROUNDS); round++) {
    for (const way of WAYS) {
      tell(`relay-latency: round ${round}, ${way}`)
      reports[way].push(await measured(way, small))
    }
  }
  const middle = (way: Way, key: 'p50Us' | 'p99Us'): number =>
    rounded(median(reports[way].map(report => report[key])) / 1000)
  return [
    {
      title,
      columns: ['way', 'p50 ms', 'p99 ms', 'p99 of the runs'],
      rows: WAYS.map((way): Cell[] => [
        way,
        middle(way, 'p50Us'),
        middle(way, 'p99Us'),
        reports[way].map(({ p99Us }) => rounded(p99Us / 1000)).join(', '),
      ]),
      notes: [],
    },
  ]
}

async function measured(way: Way, small: boolean): Promise<LoadReport> {
  const children: Child[] = []
  const start = (...args: ConstructorParameters<typeof Child>): Child => {
    const child = new Child(...args)
    children.push(child)
    return child
  }
  const nats = way === 'gateway alone' ? undefined : new NatsServer()
  try {
    await nats?.start()
    const upstream = `127.0.0.1:${await freePort()}`
    const feed = start('processes/feed.js', [upstream, String(PORTFOLIO_SYMBOLS), 'steady', '1'])
    await feed.told('address')
    await feed.ask('rate', { rate: TICKS_PER_SECOND })
    const source = nats === undefined ? [`--upstream=${upstream}`] : [`--nats=${nats.url}`]
    if (nats !== undefined)
      start('../src/main.js', ['relay', ...source, `--upstream=${upstream}`, '--admin-port=0'])
    const gateway = start('../src/main.js', [...SETTINGS, ...source], {
      options: ['--max-semi-space-size=4'],
    })
    const load = start('processes/load.js', [])
    await load.told('ready')
    await ready(await gateway.told('adminUrl'))
    const url = new URL(await gateway.told('webSocketUrl'))
    await connect(load, Number(url.port), small ? 10 : CLIENTS)
    await sleep(small ? 200 : WARM_UP_MS)
    await load.ask('begin')
    await sleep(small ? 500 : SECONDS * 1000)
    const report = await load.ask<LoadReport>('end')
    if (report.silent > 0 || report.errorCount > 0 || report.closed > 0)
      throw new Error(
        `${way}: ${report.silent} ticks missing, ${report.closed} clients closed: ${report.errors[0]}`,
      )
    return report
  } finally {
    for (const child of children.toReversed()) await child.stop()
    await nats?.stop()
  }
}

/** Waits until the gateway reads the feed. */
async function ready(adminUrl: string): Promise<void> {
  while (!(await fetch(`${adminUrl}/readyz`)).ok) await sleep(50)
}

async function connect(load: Child, port: number, clients: number): Promise<void> {
  const request: ConnectRequest = {
    port,
    paths: Array.from({ length: clients }, (_, client) => portfolioPath(client)),
    witnessEvery: Math.ceil(clients / WITNESSES),
    parseEvery: 1,
    deflate: false,
    isSocketIo: false,
  }
  const { refusal } = await load.ask<ConnectAnswer>('connect', request, CONNECT_MS)
  if (refusal !== undefined) throw new Error(`the gateway refused a client: ${refusal}`)
}

const SETTINGS = ['--host=127.0.0.1', '--port=0', '--admin-port=0', '--pool-size=1', ...AMPLE_BUDGETS]
