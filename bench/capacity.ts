/**
 * Question: what does a gateway cost at a load that was not measured, and how many gateways do 100,000 and 1,000,000
 *   clients need?
 * Workload: a gateway with one lane, and 500 to 5,000 clients at several rates: from these come the costs of a tick, a
 *   message and a connection. Other loads, with up to 15,000 clients, check what the costs predict.
 * Leaves out: a network, TLS, compression, and reading from NATS (see `relay`). The feed sends its ticks evenly.
 */
import { type Benchmark, type BenchmarkOptions, type Cell, rounded, type Table } from './benchmark.js'
import { CostModel, type Load, type Point } from './capacity/cost-model.js'
import { BUSY_MAX, planFor } from './capacity/plan.js'
import { PORTFOLIO_SYMBOLS, portfolioPath } from './fanout/workloads/portfolio.js'
import { measureScenario } from './processes/scenario.js'

export const capacity: Benchmark = { name: 'capacity', run }

const SECONDS = 5
const WARM_UP_MS = 2000
const WITNESSES = 10
/** For clients of every tick, as in `growth`. */
const PARSE_EVERY = 4
/** Of the widest tick that the stream of NATS holds, a quote with two sizes, with its part of the headers. */
const STORED_TICK_BYTES = 70

const every = (clients: number, ticksIn: number): Load => ({
  clients,
  ticksIn,
  ticksOut: ticksIn,
  isShared: true,
})
const own = (clients: number, ticksIn: number, symbols = 20): Load => ({
  clients,
  ticksIn,
  ticksOut: (ticksIn * symbols) / PORTFOLIO_SYMBOLS,
  isShared: false,
})

const FITTED: readonly Load[] = [
  every(500, 100),
  every(500, 1000),
  every(500, 10_000),
  every(3000, 10),
  every(5000, 2),
  own(500, 10_000),
  own(500, 1000),
  own(1000, 50_000),
  own(2000, 5000),
  own(3000, 500),
  own(10_000, 200),
]
const CHECKED: readonly Load[] = [
  every(1000, 300),
  every(10_000, 5),
  own(1000, 20_000),
  own(5000, 1000),
  own(15_000, 100),
]
const FITTED_SMALL = [every(5, 100), every(10, 200), own(5, 500), own(10, 200)]
const CHECKED_SMALL = [own(5, 400)]

const PLANS: readonly { readonly name: string; readonly load: Omit<Load, 'clients'> }[] = [
  { name: 'every tick of 20 symbols', load: own(1, 10_000) },
  // Each of the 20 symbols changes in 250 ms.
  { name: 'latest of 20 symbols, 250 ms', load: { ...own(1, 10_000), ticksOut: 80, messages: 4 } },
]

async function run({ small, tell }: BenchmarkOptions): Promise<Table[]> {
  const measure = async (loads: readonly Load[]): Promise<Point[]> => {
    const points: Point[] = []
    for (const load of loads) {
      tell(`capacity: ${nameOf(load)}`)
      points.push(await measured(load, small))
    }
    return points
  }
  const model = new CostModel(await measure(small ? FITTED_SMALL : FITTED))
  const checked = await measure(small ? CHECKED_SMALL : CHECKED)
  return [costs(model), checks(model, checked), plans(model)]
}

async function measured(load: Load, small: boolean): Promise<Point> {
  const { clients, isShared, ticksIn } = load
  const run = await measureScenario({
    server: 'ringcast',
    symbols: isShared ? 50 : PORTFOLIO_SYMBOLS,
    paths: Array.from({ length: clients }, (_, client) => (isShared ? '/ws/ticks' : portfolioPath(client))),
    witnesses: Math.min(WITNESSES, clients),
    ...(isShared ? { parseEvery: PARSE_EVERY } : {}),
    settings: ['--pool-size=1'],
    rate: ticksIn,
    warmUpMs: small ? 100 : WARM_UP_MS,
    seconds: small ? 0.5 : SECONDS,
  })
  if (run.closed > 0 || run.errorCount > 0 || run.silentPerClient > 0)
    throw new Error(`${nameOf(load)}: ${run.remarks.join(' ')}`)
  const mainCores = (run.mainThreadUsPerTickIn * run.offeredPerSecond) / 1e6
  return {
    load: { ...load, ticksIn: run.offeredPerSecond, ticksOut: run.deliveredPerSecond / clients },
    usage: {
      mainCores,
      laneCores: run.serverCores - mainCores,
      bytesPerSecond: run.bytesPerSecond,
      messagesPerSecond: run.framesPerSecond,
      rssBytes: run.serverRssBytes,
    },
  }
}

function costs({ gatherSeconds, lane, main, memory, wire }: CostModel): Table {
  const row = (name: string, value: number, unit: string): Cell[] => [name, rounded(value), unit]
  return {
    title: 'capacity: the costs, fitted',
    columns: ['cost', 'value', 'unit'],
    rows: [
      row('main thread, each tick of the feed', main[0]!, 'µs'),
      row('main thread, each arrival of ticks', main[1]!, 'µs'),
      row('main thread, each message to a client', main[2]!, 'µs'),
      row('main thread, each tick to a client', main[3]!, 'µs'),
      row('main thread, each connection', main[4]!, 'µs a second'),
      row('lane, each tick of the feed', lane[0]!, 'µs'),
      row('lane, each arrival of ticks', lane[1]!, 'µs'),
      row('lane, each tick of an audience', lane[2]!, 'µs'),
      row('lane, each message of an audience', lane[3]!, 'µs'),
      row('lane, each audience', lane[4]!, 'µs a second'),
      row('a gateway', memory[0]! / 2 ** 20, 'MiB'),
      row('each connection', memory[1]! / 1024, 'KiB'),
      row('each audience', memory[2]! / 1024, 'KiB'),
      row('each tick on the wire', wire[0]!, 'bytes'),
      row('each message on the wire', wire[1]!, 'bytes'),
      row('ticks of a client are gathered for', gatherSeconds * 1000, 'ms'),
    ],
    notes: [
      'Threads beside the main thread count as lane. Clients with the same subscriptions are one audience.',
    ],
  }
}

function checks(model: CostModel, points: readonly Point[]): Table {
  return {
    title: 'capacity: what the costs predict, and what was measured',
    columns: ['load', 'main thread', 'measured', 'lane', 'measured', 'MB/s', 'measured', 'MiB', 'measured'],
    rows: points.map(({ load, usage }): Cell[] => {
      const predicted = model.usageAt(load)
      const pair = (of: (its: typeof usage) => number): Cell[] => [rounded(of(predicted)), rounded(of(usage))]
      return [
        nameOf(load),
        ...pair(({ mainCores }) => mainCores),
        ...pair(({ laneCores }) => laneCores),
        ...pair(({ bytesPerSecond }) => bytesPerSecond / 1e6),
        ...pair(({ rssBytes }) => rssBytes / 2 ** 20),
      ]
    }),
    notes: ['Main thread and lane: cores.'],
  }
}

function plans(model: CostModel): Table {
  return {
    title: 'capacity: gateways for many clients, at 10,000 ticks/s of 1,000 symbols',
    columns: [
      'clients',
      'delivery',
      'gateways',
      'clients of each',
      'cores',
      'GiB',
      'GB/s to clients',
      'GB/s from NATS',
    ],
    rows: [100_000, 1_000_000].flatMap(clients =>
      PLANS.map(({ load, name }): Cell[] => {
        const plan = planFor(model, { ...load, clients }, STORED_TICK_BYTES)
        if (plan === undefined) return [clients, name, 'no gateway can take the feed', '', '', '', '', '']
        return [
          clients,
          name,
          plan.gateways,
          plan.clientsOfGateway,
          plan.cores,
          rounded(plan.memoryBytes / 2 ** 30),
          rounded(plan.bytesOutPerSecond / 1e9),
          rounded(plan.bytesInPerSecond / 1e9),
        ]
      }),
    ),
    notes: [
      `No thread is busy for more than ${BUSY_MAX * 100} % of its time. A gateway has two cores: one for its lane.`,
    ],
  }
}

function nameOf({ clients, isShared, ticksIn, ticksOut }: Load): string {
  const what = isShared ? 'every tick' : `${Math.round(ticksOut)} of them a second`
  return `${clients} clients, ${Math.round(ticksIn)} ticks/s, ${what}`
}
