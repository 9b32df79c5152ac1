/** The page of a gateway that somebody tries out: prices, switches, gaps and states. */
import type { GapItem, StatusItem } from '../../../client/src/index.js'
import { byId, element, setText } from '../shared/element.js'
import { count, time } from '../shared/format.js'
import { KeyedTable } from '../shared/keyed-table.js'
import { followTheme } from '../shared/theme.js'
import { LiveStream } from './live-stream.js'
import { type PriceRow, Prices } from './prices.js'

/** More rows would cost the browser more than the stream does. */
const ROWS_MAX = 50
const LOG_LINES_MAX = 50
const SHOW_MS = 250
const RATE_MS = 1000

const table = new KeyedTable<PriceRow>(
  byId<HTMLTableElement>('prices'),
  [
    { name: 'Symbol', text: ({ symbol }) => symbol },
    { name: 'Bid', isNumber: true, text: ({ bid }) => bid, className: ({ direction }) => direction },
    { name: 'Ask', isNumber: true, text: ({ ask }) => ask },
    { name: 'Last', isNumber: true, text: ({ last }) => last },
    { name: 'Ticks', isNumber: true, text: ({ ticks }) => count(ticks) },
  ],
  ({ symbol }) => symbol,
  byId('prices-title'),
)
const prices = new Prices()
const sums = { ticks: 0, merged: 0, messages: 0, missing: 0, unknownGaps: 0 }
let shownSums = { ...sums }

const live = new LiveStream({
  ticks(ticks, merged) {
    sums.messages++
    sums.ticks += ticks.length
    sums.merged += merged
    prices.take(ticks)
  },
  snapshot: ticks => prices.take(ticks),
  gap(gap) {
    if (gap.missed === null) sums.unknownGaps++
    else sums.missing += gap.missed
    log(gapText(gap), gap.missed === 0 ? '' : 'warn')
    showMissing()
  },
  status: showStatus,
})

let lastWords = ''

function showStatus(status: StatusItem): void {
  const { code, feed, feedReason, reason, state } = status
  const isFresh = state === 'live' && feed === 'live'
  const words = state === 'live' ? `live, the feed is ${feed}` : `${state}: ${reason || code}`
  byId('state').className = isFresh ? 'good' : state === 'connecting' ? '' : 'bad'
  setText(byId('state'), words)
  byId('access-form').hidden = state !== 'closed'
  if (words !== lastWords)
    log(
      feed === 'down' && feedReason ? `${words}: ${feedReason}` : words,
      isFresh || state === 'connecting' ? '' : 'warn',
    )
  lastWords = words
}

function gapText({ missed, reason }: GapItem): string {
  if (missed === null) return `ticks are missing, nobody knows how many: ${reason}`
  return `${count(missed)} ticks are missing: ${reason}`
}

function showMissing(): void {
  const { missing, unknownGaps } = sums
  const cell = byId('missing')
  setText(cell, `${count(missing)}${unknownGaps > 0 ? ' or more' : ''}`)
  cell.className = missing + unknownGaps > 0 ? 'warn' : 'good'
}

function log(text: string, className: string): void {
  const list = byId('log-list')
  const line = element('li')
  line.append(element('time', time(Date.now())), element('span', text, className))
  list.prepend(line)
  while (list.children.length > LOG_LINES_MAX) list.lastElementChild?.remove()
}

setInterval(() => {
  if (document.hidden) return
  table.show(prices.first(ROWS_MAX))
  const hidden = prices.count - ROWS_MAX
  setText(byId('more'), hidden > 0 ? `${count(hidden)} more symbols are not shown.` : '')
}, SHOW_MS)

setInterval(() => {
  for (const key of ['ticks', 'merged', 'messages'] as const)
    setText(byId(key), `${count(((sums[key] - shownSums[key]) * 1000) / RATE_MS)}/s`)
  shownSums = { ...sums }
  setText(byId('connections'), count(live.connections))
  setText(byId('position'), live.position ?? '–')
  const { checked } = byId<HTMLInputElement>('compression')
  setText(
    byId('compressed'),
    live.hasCompression
      ? '(this connection is compressed)'
      : checked
        ? '(this gateway compresses nothing: RINGCAST_COMPRESSION)'
        : '(this connection is plain)',
  )
}, RATE_MS)

followTheme(byId<HTMLSelectElement>('theme'))
showMissing()
byId<HTMLInputElement>('conflation').addEventListener('change', event =>
  live.setConflation((event.target as HTMLInputElement).checked),
)
byId<HTMLInputElement>('compression').addEventListener('change', event =>
  live.setCompression((event.target as HTMLInputElement).checked),
)
byId('cut').addEventListener('click', () => live.cut())
byId('access-form').addEventListener('submit', event => {
  event.preventDefault()
  const input = byId<HTMLInputElement>('token')
  live.useToken(input.value.trim())
  input.value = ''
})
