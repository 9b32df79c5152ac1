/**
 * The commands of `ringcast`: what each is for, and which settings it takes. Any thread.
 * The parser, --help and the completion of shells are made from this table, so a command lists exactly what it takes.
 */
import { probeSettings } from './probe-settings.js'
import {
  configSettings,
  feedKeys,
  processKeys,
  relayCommandKeys,
  relayKeys,
  type SettingTable,
  settingGroups,
} from './settings.js'
import { loadSettings, shownConfigSettings, tailSettings, topSettings } from './tool-settings.js'

/** The commands that run until a signal. Their flags are variables, too. */
export const SERVICES = ['serve', 'feed', 'relay'] as const
export type Service = (typeof SERVICES)[number]

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

export interface SettingGroup {
  readonly title: string
  readonly settings: SettingTable
}

export interface CommandDescription {
  readonly name: string
  /** The words behind the name, as of a usage: `host:port`. */
  readonly words: string
  readonly summary: string
  /** Further paragraphs of its help. */
  readonly notes: readonly string[]
  readonly groups: readonly SettingGroup[]
  /** The words that there are, where there are few. */
  readonly choices?: readonly string[]
}

/** `closeTimeoutMs` is taken by all, because `shutdownTimeoutMs`, a setting of every process, must be more than it. */
const SERVICE_KEYS: Readonly<Record<Service, ReadonlySet<string>>> = {
  serve: new Set(Object.keys(configSettings).filter(key => key !== 'feedListen' && !relayKeys.includes(key))),
  feed: new Set([...feedKeys, ...processKeys, 'closeTimeoutMs']),
  relay: new Set([...relayCommandKeys, 'closeTimeoutMs']),
}

const SERVICE_NOTES = [
  'Each flag is a variable, too: --log-level is RINGCAST_LOG_LEVEL. The flag wins; --flag= puts the default back.',
  'Sizes are in bytes, or with KiB, MiB or GiB.',
  'Exit codes: 0 stopped by a signal, 1 failed, 2 a wrong setting, or a wrong file that a setting names, 128 + signal',
  'ended at once by a second signal.',
]

const ended = (codes: string) => `Exit codes: ${codes}`

export const COMMANDS = [
  service('serve', 'read a feed and serve WebSocket clients; the default'),
  service('feed', 'serve a synthetic or recorded feed over gRPC'),
  service('relay', 'read a feed and write its ticks into NATS JetStream, for many gateways'),
  {
    name: 'probe',
    words: 'host:port',
    summary: 'look at a feed of any schema, and propose settings for it',
    notes: [
      'Lists the services of the feed, or prints the messages of a method and proposes settings.',
      'What was found is on stdout, all else on stderr. Flags of the gateway are variables, too.',
      ended('0 found, 1 the feed cannot be reached or sent too few ticks, 2 a wrong flag, file or name.'),
    ],
    groups: [{ title: 'Flags', settings: probeSettings }],
  },
  {
    name: 'tail',
    words: 'symbol…',
    summary: 'print the ticks of symbols, and follow them over reconnects',
    notes: [
      'A symbol may be a prefix (BTC*), or * for all: quote it for the shell. Ticks are on stdout; gaps, states and',
      'refusals on stderr, or with --json on stdout, too. The last line on stderr tells where --resume goes on.',
      ended('0 ended by a signal or by --count, 1 the gateway ended the stream, 2 a wrong flag or file.'),
    ],
    groups: [{ title: 'Flags', settings: tailSettings }],
  },
  {
    name: 'top',
    words: '',
    summary: 'show what a gateway does, and who is slow',
    notes: [
      'Reads the admin port of a gateway. Keys change the order of the clients, q or Ctrl-C ends it.',
      'The flags of the admin port are variables, too.',
      ended('0 ended by a signal or by --once, 1 the admin port did not answer, 2 a wrong flag or file.'),
    ],
    groups: [{ title: 'Flags', settings: topSettings }],
  },
  {
    name: 'load',
    words: '',
    summary: 'connect many clients to a gateway, and measure what they get',
    notes: [
      'Checks each message of each client: a tick that is missing without a gap is a silent error. The latency is that',
      'of the oldest tick of each message, from its arrival at the gateway. The report is on stdout.',
      ended('0 neither side was at its limit, 1 the gateway was, or lost something, 2 a wrong flag or file,'),
      '3 this generator was at its limit, so its figures are not those of the gateway.',
    ],
    groups: [{ title: 'Flags', settings: loadSettings }],
  },
  {
    name: 'config',
    words: '[serve|feed|relay]',
    summary: 'show the settings that a command would run with, and where each comes from',
    notes: [
      'Takes the flags and variables of the command, and --json. Secrets are not shown.',
      ended('0 shown, 2 a wrong setting.'),
    ],
    groups: [{ title: 'Flags', settings: shownConfigSettings }],
    choices: SERVICES,
  },
  {
    name: 'completion',
    words: 'bash|zsh|fish',
    summary: 'print a script by which a shell completes commands and flags',
    notes: [
      'bash: source <(ringcast completion bash)',
      'zsh:  ringcast completion zsh > "$' + '{fpath[1]}/_ringcast"',
      'fish: ringcast completion fish > ~/.config/fish/completions/ringcast.fish',
      ended('0 printed, 2 an unknown shell.'),
    ],
    groups: [],
    choices: SHELLS,
  },
] as const satisfies readonly CommandDescription[]

export type CommandName = (typeof COMMANDS)[number]['name']

export const COMMAND_NAMES: readonly CommandName[] = COMMANDS.map(({ name }) => name)

export function commandOf(name: CommandName): CommandDescription {
  return COMMANDS.find(command => command.name === name)!
}

/** Whether a command takes a setting as a flag. */
export function takesSetting(service: Service, key: string): boolean {
  return SERVICE_KEYS[service].has(key)
}

function service<const Name extends Service>(name: Name, summary: string) {
  return { name, words: '', summary, notes: SERVICE_NOTES, groups: groupsOf(name) }
}

function groupsOf(name: Service): readonly SettingGroup[] {
  const groups = settingGroups.map(({ title, settings }) => ({
    title,
    settings: Object.fromEntries(Object.entries(settings).filter(([key]) => SERVICE_KEYS[name].has(key))),
  }))
  return groups.filter(({ settings }) => Object.keys(settings).length > 0)
}
