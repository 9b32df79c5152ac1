/**
 * Writes the text of --help and the tables of docs/settings.md. Any thread. Pure.
 * Both are made from the settings, so neither can be out of date.
 */
import { flagOf, variableOf } from '../common/setting-names.js'
import { probeSettings } from './probe-settings.js'
import { type SettingTable, settingGroups } from './settings.js'

export function helpText(): string {
  const lines = [
    'Broadcasts one gRPC stream of market ticks to WebSocket clients.',
    '',
    'Usage: ringcast [serve] [flags]    read a feed and serve WebSocket clients',
    '       ringcast feed [flags]       serve a synthetic or recorded feed over gRPC',
    '       ringcast relay [flags]      read a feed and write its ticks into NATS JetStream, for many gateways',
    '       ringcast probe host:port    look at a feed of any schema, and propose settings for it',
    '       ringcast [probe] --help | --version',
    '',
    'Each flag is a variable, too: --max-clients is RINGCAST_MAX_CLIENTS. The flag wins; --flag= puts the default back.',
    'Sizes are in bytes, or with KiB, MiB or GiB.',
  ]
  for (const { title, settings } of settingGroups) {
    lines.push('', `${title}:`, ...flagLines(settings))
  }
  return `${lines.join('\n')}\n`
}

export function probeHelpText(): string {
  const lines = [
    'Looks at a gRPC feed of any schema: lists its services, or prints the messages of a method and proposes settings.',
    '',
    'Usage: ringcast probe host:port [flags]',
    '',
    'What was found is on stdout, all else on stderr. Exit codes: 0 found, 1 the feed cannot be reached, 2 a wrong flag,',
    'file or name.',
    '',
    ...flagLines(probeSettings),
  ]
  return `${lines.join('\n')}\n`
}

function flagLines(settings: SettingTable): string[] {
  return Object.entries(settings).map(([key, { description, form, defaultText }]) => {
    const name =
      form.placeholder === undefined ? `--[no-]${flagOf(key)}` : `--${flagOf(key)} <${form.placeholder}>`
    return `  ${name.padEnd(36)} ${description}${defaultText === undefined ? '' : ` [${defaultText}]`}`
  })
}

/** Every variable in Markdown: one table for each group. */
export function settingsTable(): string {
  const tables = settingGroups.map(({ title, settings }) => {
    const rows = Object.entries(settings).map(([key, { description, rule, defaultText }]) => {
      const initial = defaultText === undefined ? 'unset' : `\`${defaultText}\``
      return [`\`${variableOf(key)}\``, initial, description, rule.replace(/^must be /, '')]
    })
    return `## ${title}\n\n${markdownTable(['variable', 'default', 'meaning', 'allowed values'], rows)}`
  })
  return `\n${tables.join('\n\n')}\n`
}

/** Columns are aligned, as Markdown formatters leave them. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map(row => row.map(cell => cell.replaceAll('|', '\\|')))
  const widths = head.map((_, column) => Math.max(...cells.map(row => row[column]!.length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const [first, ...others] = cells
  return [line(first!), line(widths.map(width => '-'.repeat(width))), ...others.map(line)].join('\n')
}
