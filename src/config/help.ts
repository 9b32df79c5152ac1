/**
 * Writes the text of --help and the tables of docs/settings.md. Any thread. Pure.
 * Both are made from the settings, so neither can be out of date.
 */
import { flagOf, variableOf } from '../common/setting-names.js'
import { COMMANDS, type CommandName, commandOf } from './commands.js'
import { type SettingTable, settingGroups } from './settings.js'

const NAME_WIDTH = 12

/** The commands, and the flags of the default one. */
export function overviewText(): string {
  const lines = [
    'Broadcasts one gRPC stream of market ticks to WebSocket clients.',
    '',
    'Usage: ringcast [command] [flags]',
    '',
    'Commands:',
    ...COMMANDS.map(({ name, summary }) => `  ${name.padEnd(NAME_WIDTH)}${summary}`),
    '',
    'ringcast <command> --help lists the flags of a command; ringcast --version tells the version.',
    '',
    'Without a command, serve:',
    '',
    ...bodyLines('serve'),
  ]
  return `${lines.join('\n')}\n`
}

export function helpText(name: CommandName): string {
  const { summary, words } = commandOf(name)
  const usage = ['ringcast', name, words, '[flags]'].filter(word => word !== '').join(' ')
  const lines = [
    `Usage: ${usage}`,
    '',
    `${summary[0]!.toUpperCase()}${summary.slice(1)}.`,
    '',
    ...bodyLines(name),
  ]
  return `${lines.join('\n')}\n`
}

function bodyLines(name: CommandName): string[] {
  const { groups, notes } = commandOf(name)
  return [...notes, ...groups.flatMap(({ settings, title }) => ['', `${title}:`, ...flagLines(settings)])]
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

/** The commands in Markdown. */
export function commandsTable(): string {
  const rows = COMMANDS.map(({ name, summary, words }) => [
    `\`ringcast ${[name, words].filter(word => word !== '').join(' ')}\``,
    summary,
  ])
  return markdownTable(['command', 'what it does'], rows)
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
