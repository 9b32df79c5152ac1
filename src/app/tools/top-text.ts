/**
 * Writes the numbers of a gateway as a screen for people. Any thread. Pure.
 * Texts of clients and feeds are shown with invisible characters escaped: none of them can move the cursor.
 */
import { cutText, visibleText } from '../../common/quote-value.js'
import type { ClientRow } from '../../metrics/client-view.js'
import { shortBytes, shortDuration, shortNumber } from './short-number.js'
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
}

/** @returns lines of at most `columns` visible characters */
export function topLines(numbers: TopNumbers, { columns, hasColours, url }: TopTextOptions): string[] {
  const coloured = (text: string, colour: number) => (hasColours ? `\x1b[${colour}m${text}\x1b[0m` : text)
  const cut = (text: string) => cutText(text, columns)
  const row = (label: string, text: string) => cut(`${label.padEnd(LABEL_WIDTH)}${text}`)
  const faults = Object.entries(numbers.checks).filter(([, words]) => words !== 'ok')
  const time = new Date(numbers.timeMs).toISOString().slice(11, 19)
  const { blockedClients, clients, clientsMax, disconnected, gaps, maxLagMs, refused, upstreamGaps } = numbers
  const { latency } = numbers
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
    ...(numbers.slowest.length === 0 ? [] : ['', ...clientLines(numbers.slowest).map(cut)]),
  ]
}

function bar(share: number): string {
  const full = Math.round(share * BAR_WIDTH)
  return `[${'#'.repeat(full)}${' '.repeat(BAR_WIDTH - full)}]`
}

const COLUMNS: readonly (readonly [string, (row: ClientRow) => string])[] = [
  ['client', ({ id }) => id],
  ['state', ({ state }) => state],
  ['lag', ({ lagMs }) => shortDuration(lagMs * 1000)],
  ['waiting', ({ lagBytes }) => shortBytes(lagBytes)],
  ['gaps', ({ gaps }) => String(gaps)],
  ['sent', ({ sentBytes }) => shortBytes(sentBytes)],
  ['entries', ({ subscriptions }) => String(subscriptions)],
  ['age', ({ ageMs }) => shortDuration(ageMs * 1000)],
  ['address', ({ address }) => address ?? '–'],
  ['user', ({ user }) => (user === null ? '–' : visibleText(user))],
]

function clientLines(rows: readonly ClientRow[]): string[] {
  const cells = [COLUMNS.map(([name]) => name), ...rows.map(row => COLUMNS.map(([, text]) => text(row)))]
  const widths = COLUMNS.map((_, column) => Math.max(...cells.map(line => line[column]!.length)))
  return cells.map(line =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
}
