/** The lines of the log, the newest first, bounded. */
import type { OverviewEvent } from '../../../../src/metrics/overview.js'
import { element } from '../shared/element.js'
import { time } from '../shared/format.js'

const SHOWN_MAX = 100
const CLASSES = { info: '', warn: 'warn', error: 'bad' } as const

export class EventList {
  private readonly list: HTMLElement
  /** The last event of each process that is shown: its process may have been replaced since. */
  private shown = new Set<string>()

  constructor(list: HTMLElement) {
    this.list = list
  }

  add(events: readonly OverviewEvent[]): void {
    const next = new Set(events.map(keyOf))
    for (const event of events) if (!this.shown.has(keyOf(event))) this.list.prepend(lineOf(event))
    this.shown = next
    while (this.list.children.length > SHOWN_MAX) this.list.lastElementChild?.remove()
  }
}

function keyOf({ atMs, id, process }: OverviewEvent): string {
  return `${process} ${id} ${atMs}`
}

function lineOf({ atMs, details, level, message, process }: OverviewEvent): HTMLElement {
  const line = element('li')
  const stamp = element('time', time(atMs))
  stamp.dateTime = new Date(atMs).toISOString()
  line.append(stamp)
  const words = element('span', level === 'info' ? message : `${level}: ${message}`, CLASSES[level])
  line.append(words)
  const more = [process > 1 ? `process: ${process}` : '', details].filter(text => text !== '').join(', ')
  if (more !== '') line.append(element('span', ` (${more})`, 'quiet'))
  return line
}
