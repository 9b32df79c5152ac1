/**
 * The parts of the documentation that are made from the source. `npm run docs` writes them, a test compares them.
 * In a page, a part stands between `<!-- name -->` and `<!-- /name -->`.
 */

import { STATE_FAMILIES } from '../../src/app/prometheus-page.js'
import { RELAY_FAMILIES } from '../../src/app/relay-page.js'
import { parseConfig } from '../../src/config/config.js'
import { commandsTable, markdownTable, settingsTable } from '../../src/config/help.js'
import { METRIC_FAMILIES, type MetricFamily } from '../../src/metrics/metric-families.js'
import {
  LANE_METRICS,
  MAIN_METRICS,
  type MetricDescription,
  SERVER_METRICS,
} from '../../src/metrics/metric-table.js'
import { CLOSE_CODES } from '../../src/protocol/close-codes.js'
import { COMMAND_ERRORS, REQUEST_ERRORS, SYMBOL_ERRORS } from '../../src/protocol/error-codes.js'
import { memoryBounds, sumOf } from './memory-bounds.js'

export interface GeneratedPart {
  /** From the root. */
  readonly page: string
  readonly name: string
  readonly text: string
}

export const GENERATED_PARTS: readonly GeneratedPart[] = [
  part('docs/settings.md', 'settings', settingsTable()),
  part('docs/command-line.md', 'commands', commandsTable()),
  part('docs/client-protocol.md', 'close codes', closeCodes()),
  part('docs/client-protocol.md', 'error codes', errorCodes()),
  part('docs/metrics.md', 'families', families()),
  part('docs/metrics.md', 'reasons', reasons()),
  part('docs/metrics.md', 'relay', familyTable([...RELAY_FAMILIES])),
  part('docs/metrics.md', 'counters', counters()),
  part('docs/limits.md', 'memory', memory()),
]

/** @returns undefined when the page has no such part */
export function partOf(page: string, name: string): string | undefined {
  return pattern(name).exec(page)?.[2]
}

export function withPart(page: string, name: string, text: string): string {
  return page.replace(pattern(name), (_, open, __, close) => open + text + close)
}

function pattern(name: string): RegExp {
  return new RegExp(`(<!-- ${name} -->)([\\s\\S]*?)(<!-- /${name} -->)`)
}

/** Blank lines around it, so that renderers see Markdown between the markers. */
function part(page: string, name: string, text: string): GeneratedPart {
  return { page, name, text: `\n\n${text.trim()}\n\n` }
}

function closeCodes(): string {
  const rows = Object.values(CLOSE_CODES).map(({ code, reason, reconnect, when }) => [
    String(code),
    reason || '–',
    reconnect ? 'yes' : 'no',
    when,
  ])
  return markdownTable(['code', 'reason', 'come back?', 'when'], rows)
}

function errorCodes(): string {
  const sections = [
    section('`error` messages: nothing of the command was done', COMMAND_ERRORS),
    section('`refused` entries: the other entries were done', SYMBOL_ERRORS),
    ...Object.entries(REQUEST_ERRORS).map(([status, codes]) =>
      section(`Refused connections with status ${status}`, codes),
    ),
  ]
  return sections.join('\n\n')
}

function section(title: string, codes: Readonly<Record<string, string>>): string {
  const rows = Object.entries(codes).map(([code, meaning]) => [`\`${code}\``, meaning])
  return `${title}:\n\n${markdownTable(['code', 'meaning'], rows)}`
}

type Family = Pick<MetricFamily, 'name' | 'help' | 'type' | 'labels'>

function familyTable(shown: readonly Family[]): string {
  const rows = shown.map(({ help, labels, name, type }) => [
    `\`${name}\``,
    type,
    labels.map(label => `\`${label}\``).join(', '),
    help,
  ])
  return markdownTable(['name', 'type', 'labels', 'meaning'], rows)
}

function families(): string {
  const shown: readonly Family[] = [...STATE_FAMILIES, ...METRIC_FAMILIES]
  return familyTable(shown.toSorted((a, b) => a.name.localeCompare(b.name)))
}

/** The counters that labels of their own tell apart. */
function reasons(): string {
  const all: MetricDescription[] = [MAIN_METRICS, SERVER_METRICS].flatMap(table => Object.values(table))
  const rows = all.flatMap(({ help, labels, name }) =>
    labels === undefined ? [] : [[`\`${name}\``, labelsText(labels), help]],
  )
  return markdownTable(['name', 'labels', 'meaning'], rows)
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `\`${name}="${value}"\``)
    .join(', ')
}

function counters(): string {
  const table = (metrics: Readonly<Record<string, MetricDescription>>) =>
    markdownTable(
      ['counter', 'unit', 'meaning'],
      Object.entries(metrics).map(([key, { unit, help }]) => [`\`${key}\``, unit, help]),
    )
  return [
    `Counters of the main thread:\n\n${table(MAIN_METRICS)}`,
    `Counters of the server, which a library's user does not have:\n\n${table(SERVER_METRICS)}`,
    `Counters of each lane:\n\n${table(LANE_METRICS)}`,
  ].join('\n\n')
}

/** The memory of a process with one lane and the defaults, without the embedded feed. */
function memory(): string {
  const parsed = parseConfig({ env: {}, argv: [], availableParallelism: 1 })
  if (!('config' in parsed)) throw new Error('the defaults are no config')
  const { config } = parsed
  const bounds = memoryBounds(config, false)
  const rows = bounds.map(({ bytes, owner, setting, what }) => [
    what,
    owner,
    sizeText(bytes),
    setting === undefined ? '' : `\`${setting}\``,
  ])
  const table = markdownTable(['what', 'of', 'at most, by default', 'setting'], rows)
  const { maxClients, poolSize } = config
  const sum = sizeText(sumOf(bounds, config))
  const clients = maxClients.toLocaleString('en')
  return `${table}\n\nThe sum, with ${poolSize} lane and ${clients} clients: ${sum}.`
}

function sizeText(bytes: number): string {
  const mebibytes = bytes / 2 ** 20
  if (mebibytes < 1) return `${Math.ceil(bytes / 1024)} KiB`
  return `${mebibytes < 10 ? mebibytes.toFixed(1) : Math.round(mebibytes)} MiB`
}
