/**
 * The clients with the most of something, at first with the longest lag: those come with each overview. For another
 * order the gateway is asked, once an overview. Pressing the head of a column chooses the order.
 */
import type { ClientRow, ClientSort } from '../../../../src/metrics/client-view.js'
import { type Overview, SLOWEST_MAX } from '../../../../src/metrics/overview.js'
import { byId, element, setText } from '../shared/element.js'
import { bytes, count, duration } from '../shared/format.js'
import { type Column, KeyedTable } from '../shared/keyed-table.js'
import type { Gateway } from './gateway.js'

const TITLES: Readonly<Record<ClientSort, string>> = {
  lag: 'Slowest clients',
  bytes: 'Clients with the most bytes waiting',
  ticks: 'Clients with the most ticks waiting',
  gaps: 'Clients with the most gaps',
  age: 'Oldest clients',
  sent: 'Clients that were sent the most',
  subscriptions: 'Clients with the most entries',
}

const COLUMNS: readonly Column<ClientRow, ClientSort>[] = [
  { name: 'Client', text: ({ id }) => id },
  { name: 'Address', text: ({ address }) => address ?? '–' },
  { name: 'User', text: ({ user }) => user ?? '–' },
  { name: 'State', text: ({ state }) => state, className: ({ state }) => (state === 'live' ? '' : 'warn') },
  { name: 'Lag', isNumber: true, sort: 'lag', text: ({ lagMs }) => duration(lagMs) },
  { name: 'Worst', isNumber: true, text: ({ worstLagMs }) => duration(worstLagMs) },
  { name: 'Bytes waiting', isNumber: true, sort: 'bytes', text: ({ lagBytes }) => bytes(lagBytes) },
  {
    name: 'Ticks waiting',
    isNumber: true,
    sort: 'ticks',
    text: ({ lagTicks }) => (lagTicks === null ? '–' : count(lagTicks)),
  },
  { name: 'Gaps', isNumber: true, sort: 'gaps', text: ({ gaps }) => count(gaps) },
  { name: 'Age', isNumber: true, sort: 'age', text: ({ ageMs }) => duration(ageMs) },
  { name: 'Sent', isNumber: true, sort: 'sent', text: ({ sentBytes }) => bytes(sentBytes) },
  {
    name: 'Entries',
    isNumber: true,
    sort: 'subscriptions',
    text: ({ subscriptions }) => count(subscriptions),
  },
]

export class ClientTable {
  private readonly gateway: Gateway
  private readonly title = byId('clients-title')
  private readonly table: KeyedTable<ClientRow, ClientSort>
  private sort: ClientSort = 'lag'
  private slowest: readonly ClientRow[] = []
  private isAsking = false

  constructor(gateway: Gateway) {
    this.gateway = gateway
    this.table = new KeyedTable(
      byId<HTMLTableElement>('clients'),
      [...COLUMNS, { name: 'Action', text: () => '', control: client => this.disconnectButton(client) }],
      ({ id }) => id,
      this.title,
      sort => this.choose(sort),
    )
    this.table.showSort(this.sort)
  }

  show({ slowest }: Overview): void {
    this.slowest = slowest
    void this.update()
  }

  private choose(sort: ClientSort): void {
    this.sort = sort
    this.table.showSort(sort)
    setText(this.title, TITLES[sort])
    void this.update()
  }

  private async update(): Promise<void> {
    const { sort } = this
    if (sort === 'lag') return this.showRows(this.slowest)
    if (this.isAsking) return
    this.isAsking = true
    const rows = await this.gateway.clients(sort, SLOWEST_MAX)
    this.isAsking = false
    if (this.sort !== sort) return this.update()
    if (rows !== undefined) this.showRows(rows)
  }

  private showRows(rows: readonly ClientRow[]): void {
    this.table.show(rows)
    byId('clients-none').hidden = rows.length > 0
  }

  private disconnectButton(client: string): HTMLElement {
    const button = element('button', 'Disconnect')
    button.type = 'button'
    button.setAttribute('aria-label', `Disconnect ${client}`)
    button.addEventListener('click', () => this.askToDisconnect(client))
    return button
  }

  private askToDisconnect(client: string): void {
    const dialog = byId<HTMLDialogElement>('confirm')
    setText(byId('confirm-title'), `Disconnect client ${client}?`)
    dialog.returnValue = 'no'
    dialog.onclose = async () => {
      if (dialog.returnValue === 'yes') setText(byId('closing'), await this.gateway.disconnect(client))
    }
    dialog.showModal()
  }
}
