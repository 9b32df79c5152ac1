/** The dashboard: shows each overview as it comes. */
import type { Overview } from '../../../../src/metrics/overview.js'
import { byId, setText } from '../shared/element.js'
import { bytes, count, duration, percent, time } from '../shared/format.js'
import { KeyedTable } from '../shared/keyed-table.js'
import { followTheme } from '../shared/theme.js'
import { ClientTable } from './client-table.js'
import { EventList } from './event-list.js'
import { Gateway } from './gateway.js'
import { Glance } from './glance.js'
import { LatencyCharts } from './latency-charts.js'
import { keyOf, type LaneRates, ratesBetween } from './rates.js'

const RING_FULL = 0.8
/** For rates. */
const SPAN_MS_MIN = 500

const lanes = new KeyedTable<LaneRates>(
  byId<HTMLTableElement>('lanes'),
  [
    { name: 'Lane', text: keyOf },
    {
      name: 'State',
      text: ({ isRunning }) => (isRunning ? 'running' : 'being replaced'),
      className: ({ isRunning }) => (isRunning ? 'good' : 'bad'),
    },
    {
      name: 'Replaced',
      isNumber: true,
      text: ({ restarts }) => count(restarts),
      className: ({ restarts }) => (restarts > 0 ? 'warn' : ''),
    },
    { name: 'Utilisation', isNumber: true, text: ({ utilisation }) => percent(utilisation) },
    {
      name: 'Ticks behind',
      isNumber: true,
      text: ({ queueTicks, queueTicksMax }) => `${count(queueTicks)} of ${count(queueTicksMax)}`,
    },
    {
      name: 'Frame ring held',
      isNumber: true,
      text: ({ ringBytes, ringUsedBytes }) => `${percent(ringUsedBytes / ringBytes)} of ${bytes(ringBytes)}`,
      className: ({ ringBytes, ringUsedBytes }) => (ringUsedBytes > RING_FULL * ringBytes ? 'warn' : ''),
    },
    {
      name: 'Turn',
      isNumber: true,
      text: ({ turnBytes }) => (turnBytes === undefined ? '–' : bytes(turnBytes)),
    },
    { name: 'Audiences', isNumber: true, text: ({ audiences }) => count(audiences) },
    { name: 'Clients', isNumber: true, text: row => count(row.clients) },
  ],
  keyOf,
  byId('lanes-title'),
)

interface SymbolRow {
  readonly symbol: string
  readonly ticks: number
  readonly share: number
  readonly perSecond: number | undefined
}

const symbols = new KeyedTable<SymbolRow>(
  byId<HTMLTableElement>('symbols'),
  [
    { name: 'Symbol', text: ({ symbol }) => symbol },
    {
      name: 'Ticks/s',
      isNumber: true,
      text: ({ perSecond }) => (perSecond === undefined ? '–' : count(perSecond)),
    },
    { name: 'Share', isNumber: true, text: ({ share }) => percent(share) },
  ],
  ({ symbol }) => symbol,
  byId('symbols-title'),
)

const glance = new Glance(byId('glance'))
const events = new EventList(byId('event-list'))
const charts = new LatencyCharts({
  lines: byId('latency'),
  histogram: byId('histogram'),
  linesText: byId('latency-now'),
  feedText: byId('feed-latency-now'),
  histogramText: byId('histogram-now'),
})
const connection = byId('connection')
let last: Overview | undefined

const gateway = new Gateway({
  overview: show,
  lost(why) {
    if (document.body.classList.contains('old')) return
    document.body.classList.add('old')
    const since = last === undefined ? '' : `; these figures are of ${time(last.atMs)}`
    connection.className = 'bad'
    setText(connection, `${why}${since}`)
  },
  refused(why, isMended) {
    byId('access').hidden = false
    byId('access-form').hidden = isMended === 'elsewhere'
    setText(byId('access-why'), why)
    setText(connection, 'not allowed')
    if (isMended === 'by a token') byId('token').focus()
  },
})

const clients = new ClientTable(gateway)

followTheme(byId<HTMLSelectElement>('theme'), () => charts.draw())

byId('access-form').addEventListener('submit', event => {
  event.preventDefault()
  const input = byId<HTMLInputElement>('token')
  gateway.useToken(input.value.trim())
  input.value = ''
})

function show(overview: Overview): void {
  // Shorter: the first one came with a request, and the next one at once.
  const elapsedMs = last === undefined ? 0 : overview.atMs - last.atMs
  const rates = last === undefined || elapsedMs < SPAN_MS_MIN ? undefined : ratesBetween(last, overview)
  byId('access').hidden = true
  document.body.classList.remove('old')
  connection.className = overview.ready ? 'good' : 'bad'
  setText(connection, overview.ready ? 'ready' : 'not ready')
  setText(
    byId('about'),
    `${overview.version}, up for ${duration(overview.atMs - overview.startedMs)}${overview.processes.length > 1 ? `, ${overview.processes.length} processes` : ''}`,
  )
  setText(byId('checks'), faults(overview))
  glance.show(overview, rates)
  if (rates !== undefined) {
    charts.add(overview.atMs, rates)
    lanes.show(rates.lanes)
  }
  clients.show(overview)
  showSymbols(overview)
  events.add(overview.events)
  if (rates !== undefined || elapsedMs <= 0) last = overview
}

function faults({ processes }: Overview): string {
  return processes
    .flatMap(({ checks, process }) =>
      Object.entries(checks)
        .filter(([, words]) => words !== 'ok')
        .map(([check, words]) => `${processes.length > 1 ? `process ${process}, ` : ''}${check}: ${words}`),
    )
    .join('; ')
}

function showSymbols({ symbols: { busiest, spanMs, ticks } }: Overview): void {
  symbols.show(
    busiest.map(({ symbol, ticks: own }) => ({
      symbol,
      ticks: own,
      share: own / ticks,
      perSecond: spanMs > 0 ? (own * 1000) / spanMs : undefined,
    })),
  )
  setText(
    byId('symbols-about'),
    ticks === 0
      ? 'No tick has come yet.'
      : `Of the newest ${count(ticks)} ticks, which came in ${duration(spanMs)}.`,
  )
}
