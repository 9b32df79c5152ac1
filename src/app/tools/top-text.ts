/**
 * Writes the numbers of a gateway as a screen for people. Any thread. Pure.
 * Texts of clients and feeds are shown with invisible characters escaped: none of them can move the cursor.
 */
import { cutText, visibleText } from '../../common/quote-value.js'
import type { ClientRow, ClientSort } from '../../metrics/client-view.js'
import { shortBytes, shortDuration, shortNumber } from './short-number.js'
import { QUIT_KEY, SORT_KEYS } from './top-keys.js'
import type { TopNumbers } from './top-numbers.js'

const BOLD = 1
const RED = 31
const YELLOW = 33
const GREEN = 32
const LABEL_WIDTH = 11
const BAR_WIDTH = 20
const BUSY = 0.9

export interface TopTextOptions {
  readonly url: string
  readonly hasColours: boolean
  readonly columns: number
  /** What the first client has most of. */
  readonly sort: ClientSort
  /** Whether keys choose the order. */
  readonly hasKeys: boolean
}

/** @returns lines of at most `columns` visible characters */
export function topLines(
  numbers: TopNumbers,
  { columns, hasColours, hasKeys, sort, url }: TopTextOptions,
): string[] {
  const coloured = (text: string, colour: number) => (hasColours ? `\x1b[${colour}m${text}\x1b[0m` : text)
  const cut = (text: string) => cutText(text, columns)
  const row = (label: string, text: string) => cut(`${label.padEnd(LABEL_WIDTH)}${text}`)
  const faults = Object.entries(numbers.checks).filter(([, words]) => words !== 'ok')
  const time = new Date(numbers.timeMs).toISOString().slice(11, 19)
  const { blockedClients, clients, clientsMax, disconnected, gaps, maxLagMs, refused, upstreamGaps } = numbers
  const { feedLatency, latency } = numbers
  return [
    coloured(cut(`ringcast top  ${url}  ${time} UTC`), BOLD),
    numbers.ready ? coloured(row('state', 'ready'), GREEN) : coloured(row('state', 'not ready'), RED),
    ...faults.map(([check, words]) => coloured(row('', `${check}: ${visibleText(words)}`), YELLOW)),
    row(
      'clients',
      `${shortNumber(clients)} of ${shortNumber(clientsMax)}, ${blockedClients} blocked, longest lag ${shortDuration(maxLagMs * 1000)}`,
    ),
    row(
      'ticks',
      `${shortNumber(numbers.ticksInPerS)}/s in, ${shortNumber(numbers.ticksOutPerS)}/s out, ${shortNumber(numbers.amplification)} out for each in`,
    ),
    row('sent', `${shortNumber(numbers.messagesOutPerS)} messages/s, ${shortBytes(numbers.bytesOutPerS)}/s`),
    row(
      'latency',
      `p50 ${shortDuration(latency.p50Us)}, p99 ${shortDuration(latency.p99Us)}, p99.9 ${shortDuration(latency.p999Us)}`,
    ),
    ...(feedLatency.p50Us === 0
      ? []
      : [
          row(
            'feed',
            `ticks reach the gateway p50 ${shortDuration(feedLatency.p50Us)}, p99 ${shortDuration(feedLatency.p99Us)} after their time`,
          ),
        ]),
    row(
      'interval',
      `${disconnected} clients have left, ${refused} were refused, ${gaps} gaps of slow clients, ${upstreamGaps} gaps of the feed`,
    ),
    '',
    ...numbers.lanes.map(lane => {
      const name = `${numbers.lanes.some(({ process }) => process > 1) ? `${lane.process}/` : ''}${lane.lane}`
      const text = row(
        `lane ${name}`,
        `${bar(lane.utilisation)} ${String(Math.round(lane.utilisation * 100)).padStart(3)} % busy, ${shortNumber(lane.queueTicks)} of ${shortNumber(lane.queueMaxTicks)} ticks queued, ${lane.audiences} audiences`,
      )
      return lane.utilisation > BUSY ? coloured(text, YELLOW) : text
    }),
    ...(numbers.slowest.length === 0
      ? []
      : ['', ...(hasKeys ? [cut(KEYS)] : []), ...clientLines(numbers.slowest, sort).map(cut)]),
  ]
}

function bar(share: number): string {
  const full = Math.round(share * BAR_WIDTH)
  return `[${'#'.repeat(full)}${' '.repeat(BAR_WIDTH - full)}]`
}

interface Column {
  readonly name: string
  readonly text: (row: ClientRow) => string
  readonly sort?: ClientSort
}

const COLUMNS: readonly Column[] = [
  { name: 'client', text: ({ id }) => id },
  { name: 'state', text: ({ state }) => state },
  { name: 'lag', sort: 'lag', text: ({ lagMs }) => shortDuration(lagMs * 1000) },
  { name: 'bytes', sort: 'bytes', text: ({ lagBytes }) => shortBytes(lagBytes) },
  { name: 'ticks', sort: 'ticks', text: ({ lagTicks }) => (lagTicks === null ? '–' : shortNumber(lagTicks)) },
  { name: 'gaps', sort: 'gaps', text: ({ gaps }) => String(gaps) },
  { name: 'age', sort: 'age', text: ({ ageMs }) => shortDuration(ageMs * 1000) },
  { name: 'sent', sort: 'sent', text: ({ sentBytes }) => shortBytes(sentBytes) },
  { name: 'entries', sort: 'subscriptions', text: ({ subscriptions }) => String(subscriptions) },
  { name: 'address', text: ({ address }) => address ?? '–' },
  { name: 'user', text: ({ user }) => (user === null ? '–' : visibleText(user)) },
]

const KEYS = `keys: ${COLUMNS.flatMap(({ name, sort }) => (sort === undefined ? [] : [`${SORT_KEYS[sort]} ${name}`])).join(', ')}, ${QUIT_KEY} quit`

function clientLines(rows: readonly ClientRow[], sort: ClientSort): string[] {
  const heads = COLUMNS.map(column => `${column.name}${column.sort === sort ? ' ▼' : ''}`)
  const cells = [heads, ...rows.map(row => COLUMNS.map(({ text }) => text(row)))]
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map(line => line[column]!.length)))
  return cells.map(line =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}
