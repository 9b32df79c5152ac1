/**
 * Question: how long does the server take to change a subscription while ticks flow?
 * Workload: 50 clients that subscribe to a symbol or unsubscribe from a symbol every 50 ms: 1,000 changes a second, at
 *   10,000 ticks/s. Beside them 1, 50 or 500 clients with 20 of 1,000 symbols each, whose writes wait in the same
 *   queue. The gateway measures from the command's arrival to the write of its reply, which stands at its exact place
 *   in the stream. Once more with real-time priority for the gateway, so that it does not wait for a core, because four
 *   busy processes share the cores.
 * Leaves out: the network.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import type { Cell } from '../../benchmark.js'
import { type Measured, middle, remarks } from '../../processes/measured.js'
import { Session } from '../../processes/session.js'
import { symbolName } from '../../processes/steady-ticks.js'
import { cellNumber, contest, isFaulty, spreadCells } from '../contest.js'
import {
  type FanoutOptions,
  profiled,
  RINGCAST,
  type Workload,
  type WorkloadResult,
  warmUpMs,
} from '../workload.js'
import { PORTFOLIO_SYMBOLS, portfolioPath } from './portfolio.js'

export const changes: Workload = { name: 'changes', servers: [RINGCAST], run }

const CHANGE_EVERY_MS = 50
const WITNESSES = 20

type ChangesRun = Measured & { readonly answers: number }

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const [sizes, changers, rate] = options.small ? [[5, 10], 3, 1000] : [[1, 50, 500], 50, 10_000]
  const cases = new Map(
    [false, true].flatMap(realTime =>
      sizes.map(clients => [realTime ? `${clients}, in real time` : `${clients}`, { clients, realTime }]),
    ),
  )
  const contestants = { name: changes.name, servers: [...cases.keys()] }
  const measured = await contest(contestants, { ...options, servers: undefined }, async name => {
    const { clients, realTime } = cases.get(name)!
    const plan = profiled(
      {
        symbols: PORTFOLIO_SYMBOLS,
        paths: Array.from({ length: clients }, (_, client) => portfolioPath(client)),
        witnesses: Math.min(clients, WITNESSES),
        settings: [`--max-clients=${clients + changers}`],
        realTime,
      },
      options,
    )
    const session = await Session.open(RINGCAST, plan)
    try {
      await session.setRate(rate)
      const url = await session.webSocketUrl()
      const all = await Promise.all(Array.from({ length: changers }, () => Changer.connect(url)))
      // Independent clients do not all change in the same millisecond.
      for (const changer of all) {
        changer.start()
        await sleep(CHANGE_EVERY_MS / changers)
      }
      await sleep(warmUpMs(options))
      const result = await session.measure(options.seconds, options.progress.show)
      const answers = all.reduce((sum, changer) => sum + changer.close(), 0)
      return { ...result, answers }
    } finally {
      await session.close()
    }
  })
  const results = measured.results as ReadonlyMap<string, readonly ChangesRun[]>
  const rows = [...results].map(([name, runs]): Cell[] => [
    name,
    ...spreadCells(runs.map(({ gatewayAnswerP50Us }) => gatewayAnswerP50Us / 1000)),
    ...spreadCells(runs.map(({ gatewayAnswerP99Us }) => gatewayAnswerP99Us / 1000)),
    Math.round(runs.reduce((sum, { answers }) => sum + answers, 0) / runs.length),
    cellNumber(middle(runs, 'deliveredPerSecond')),
    cellNumber(middle(runs, 'p99Us') / 1000),
    cellNumber(middle(runs, 'serverCores')),
  ])
  return {
    tables: [
      {
        title: `changes: ${changers} clients change what they want every ${CHANGE_EVERY_MS} ms beside some that do not, ${rate} ticks/s`,
        columns: [
          'others',
          'p50 ms in the server',
          'of the runs',
          'p99 ms in the server',
          'of the runs',
          'answers',
          'ticks/s delivered',
          'p99 ms of a tick',
          'server cores',
        ],
        rows,
        notes: [
          ...[...results].flatMap(([name, runs]) => remarks(`beside ${name}`, runs)),
          ...measured.notes,
        ],
      },
    ],
    charts: [],
    runs: Object.fromEntries(results),
    isFaulty: isFaulty(measured) || [...results.values()].flat().some(({ answers }) => answers === 0),
  }
}

/** A client that subscribes and unsubscribes alternately. */
class Changer {
  private readonly socket: WebSocket
  private timer: NodeJS.Timeout | undefined
  private answers = 0
  private sent = 0

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data: Buffer) => {
      if (data.includes('"type":"subscribed"') || data.includes('"type":"unsubscribed"')) this.answers++
    })
  }

  static async connect(url: string): Promise<Changer> {
    const socket = new WebSocket(`${url}?symbols=${symbolName(0)}`)
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return new Changer(socket)
  }

  start(): void {
    this.timer = setInterval(() => this.change(), CHANGE_EVERY_MS)
  }

  /** @returns the number of replies */
  close(): number {
    clearInterval(this.timer)
    this.socket.terminate()
    return this.answers
  }

  private change(): void {
    const id = this.sent++
    const symbols = [symbolName(1 + ((id >>> 1) % (PORTFOLIO_SYMBOLS - 1)))]
    this.socket.send(JSON.stringify({ type: id % 2 === 0 ? 'subscribe' : 'unsubscribe', id, symbols }))
  }
}
