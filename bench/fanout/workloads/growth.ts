/**
 * Question: how does the cost of a delivered tick grow with the rate, with the symbols of a client and with the pool?
 *   (With clients: `scaling`.)
 * Workload: Ringcast alone. 500 clients that get every tick, at 30 to 30,000 ticks/s. 500 clients with 1 to 100 of
 *   1,000 symbols each, another selection for each client, at rates at which a client gets 200 ticks/s. 2,000 clients
 *   with selections of 20 of 1,000 symbols, at 20,000 ticks/s, on 1 to 4 lanes.
 * Leaves out: the combination of rate and symbols.
 */
import type { Cell } from '../../benchmark.js'
import { type Measured, middle, remarks } from '../../processes/measured.js'
import type { Plan } from '../../processes/session.js'
import { cellNumber, contest, isFaulty, spreadCells } from '../contest.js'
import type { Chart } from '../plot.js'
import {
  everyTick,
  type FanoutOptions,
  measurePlan,
  RINGCAST,
  type Workload,
  type WorkloadResult,
} from '../workload.js'
import { PORTFOLIO_SYMBOLS, portfolioPath } from './portfolio.js'

export const growth: Workload = { name: 'growth', servers: [RINGCAST], run }

const WITNESSES = 10
/** For clients of every tick only: the offset of a message that was not parsed tells how many ticks it holds. */
const PARSE_EVERY = 4

interface Point {
  readonly at: number
  readonly plan: Plan & { readonly rate: number }
}

/** Points in which one figure grows and the others stay. */
interface Series {
  readonly of: string
  readonly title: string
  readonly points: readonly Point[]
}

function allSeries(small: boolean): readonly Series[] {
  const clients = small ? 5 : 500
  const many = small ? 5 : 2000
  const plan = { witnesses: small ? 5 : WITNESSES }
  const own = (count: number, symbols: number) =>
    Array.from({ length: count }, (_, client) => portfolioPath(client, symbols))
  return [
    {
      of: 'ticks/s',
      title: `${clients} clients of every tick`,
      points: (small ? [100, 200] : [30, 100, 300, 1000, 3000, 10_000, 30_000]).map(at => ({
        at,
        plan: { ...plan, parseEvery: PARSE_EVERY, symbols: 50, rate: at, paths: everyTick(clients) },
      })),
    },
    {
      of: 'symbols of each client',
      title: `${clients} clients, each its own symbols of ${PORTFOLIO_SYMBOLS}, 200 ticks/s each`,
      points: (small ? [50, 100] : [2, 5, 10, 20, 50, 100]).map(at => ({
        at,
        plan: {
          ...plan,
          symbols: PORTFOLIO_SYMBOLS,
          rate: (200 * PORTFOLIO_SYMBOLS) / at,
          paths: own(clients, at),
        },
      })),
    },
    {
      of: 'lanes',
      title: `${many} clients, each its own 20 of ${PORTFOLIO_SYMBOLS} symbols, by lanes`,
      points: (small ? [1, 2] : [1, 2, 3, 4]).map(at => ({
        at,
        plan: {
          ...plan,
          symbols: PORTFOLIO_SYMBOLS,
          rate: small ? 2000 : 20_000,
          paths: own(many, 20),
          settings: [`--pool-size=${at}`],
        },
      })),
    },
  ]
}

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const series = allSeries(options.small)
  const points = new Map<string, Point['plan']>(
    series.flatMap(({ of, points: its }) => its.map(point => [`${point.at} ${of}`, point.plan] as const)),
  )
  const contestants = { name: growth.name, servers: [...points.keys()] }
  const measured = await contest(contestants, { ...options, servers: undefined }, name =>
    measurePlan(RINGCAST, points.get(name)!, options),
  )
  const { results } = measured
  return {
    tables: series.map(({ of, title, points: its }) => ({
      title: `growth: ${title}`,
      columns: [
        of,
        'ticks/s in',
        'ticks/s delivered',
        'CPU µs each',
        'of the runs',
        'outside the main thread',
        'p50 ms',
        'p99 ms',
        'server cores',
      ],
      rows: its.flatMap(({ at }): Cell[][] => rowOf(at, results.get(`${at} ${of}`))),
      notes: its.flatMap(({ at }) => remarks(`${at} ${of}`, results.get(`${at} ${of}`) ?? [])),
    })),
    charts: series.map(
      ({ of, title, points: its }): Chart => ({
        kind: 'lines',
        title,
        xTitle: of,
        yTitle: 'server CPU µs per delivered tick',
        lines: [
          {
            label: RINGCAST,
            points: its.flatMap(({ at }) => {
              const runs = results.get(`${at} ${of}`)
              return runs === undefined ? [] : [[at, middle(runs, 'cpuUsPerTick')] as const]
            }),
          },
        ],
      }),
    ),
    runs: Object.fromEntries(results),
    isFaulty: isFaulty(measured) || [...results.values()].flat().some(its => its.silentPerClient > 0),
  }
}

function rowOf(at: number, runs: readonly Measured[] | undefined): Cell[][] {
  if (runs === undefined) return []
  return [
    [
      at,
      Math.round(middle(runs, 'offeredPerSecond')),
      Math.round(middle(runs, 'deliveredPerSecond')),
      ...spreadCells(runs.map(({ cpuUsPerTick }) => cpuUsPerTick)),
      cellNumber(middle(runs, 'otherThreadsUsPerTick')),
      cellNumber(middle(runs, 'p50Us') / 1000),
      cellNumber(middle(runs, 'p99Us') / 1000),
      cellNumber(middle(runs, 'serverCores')),
    ],
  ]
}
