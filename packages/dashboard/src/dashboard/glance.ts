/** The figures at a glance: a name, a value, and a note under it. */
import type { Overview } from '../../../../src/metrics/overview.js'
import { element, setText } from '../shared/element.js'
import { bytes, count, duration } from '../shared/format.js'
import type { Rates } from './rates.js'

interface Figure {
  readonly id: string
  readonly name: string
  readonly value: (overview: Overview, rates: Rates | undefined) => string
  readonly note: (overview: Overview) => string
  readonly className?: (overview: Overview) => string
}

const rate = (value: number | undefined): string => (value === undefined ? '–' : `${count(value)}/s`)

const FIGURES: readonly Figure[] = [
  {
    id: 'source',
    name: 'Source',
    value: ({ source }) => (source.isPaused ? 'paused' : source.state),
    note: ({ source }) =>
      [source.name, ...(source.state === 'live' ? [] : [source.lastError ?? ''])].filter(Boolean).join(': '),
    className: ({ source }) => (source.state !== 'live' ? 'bad' : source.isPaused ? 'warn' : 'good'),
  },
  {
    id: 'clients-now',
    name: 'Clients',
    value: ({ clients }) => count(clients.connected),
    note: ({ clients, totals }) =>
      `of ${count(clients.max)}; ${count(clients.every)} every tick, ${count(clients.latest)} latest; ${count(totals.refused)} refused`,
  },
  {
    id: 'ticks-in',
    name: 'Ticks in',
    value: (_, rates) => rate(rates?.ticksIn),
    note: ({ source }) => `offset ${count(source.offset)}`,
  },
  {
    id: 'messages-out',
    name: 'Messages out',
    value: (_, rates) => rate(rates?.messagesOut),
    note: ({ totals }) => `${count(totals.messagesOut)} since the start`,
  },
  {
    id: 'bytes-out',
    name: 'Bytes out',
    value: (_, rates) => (rates === undefined ? '–' : `${bytes(rates.bytesOut)}/s`),
    note: ({ totals }) => `${bytes(totals.bytesOut)} since the start`,
  },
  {
    id: 'amplification',
    name: 'Amplification',
    value: (_, rates) => (rates?.amplification === undefined ? '–' : `× ${count(rates.amplification)}`),
    note: () => 'ticks out for each tick in',
  },
  {
    id: 'slow',
    name: 'Longest lag',
    value: ({ clients }) => duration(clients.lagMaxMs),
    note: ({ clients, totals }) =>
      `${count(clients.blocked)} blocked; ${count(totals.gaps)} gaps, ${count(totals.ticksDropped)} ticks in them`,
    className: ({ clients }) => (clients.lagMaxMs > 1000 ? 'warn' : ''),
  },
]

export class Glance {
  private readonly cells = new Map<string, { readonly value: HTMLElement; readonly note: HTMLElement }>()

  constructor(list: HTMLElement) {
    for (const { id, name } of FIGURES) {
      const value = element('dd')
      value.id = id
      const note = element('dd', '', 'note')
      const group = element('div')
      group.append(element('dt', name), value, note)
      list.append(group)
      this.cells.set(id, { value, note })
    }
  }

  show(overview: Overview, rates: Rates | undefined): void {
    for (const { className, id, note, value } of FIGURES) {
      const cell = this.cells.get(id)!
      setText(cell.value, value(overview, rates))
      setText(cell.note, note(overview))
      cell.value.className = className?.(overview) ?? ''
    }
  }
}
