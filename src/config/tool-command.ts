/**
 * Reads the command line of a tool: a command that looks at something and ends. Any thread. Pure.
 * Only settings that are the gateway's, too, have variables.
 */
import { RingcastError } from '../common/errors.js'
import { quoteUnlessPlain } from '../common/quote-value.js'
import { isSymbol } from '../common/symbol.js'
import { readCommandLine } from './command-line.js'
import { SHELLS, type Shell } from './commands.js'
import { faultLines, namesOfTexts } from './config-errors.js'
import { readEnvironment } from './environment.js'
import { type ProbeConfig, probeSettings } from './probe-settings.js'
import { isAddress } from './setting-types.js'
import { configSettings, type SettingTable, type ValuesOf } from './settings.js'
import { checkSettings } from './settings-check.js'
import { suggestion, unknownName } from './suggestion.js'
import { loadSettings, tailSettings, topSettings } from './tool-settings.js'

export type TopConfig = ValuesOf<typeof topSettings>
export type LoadConfig = ValuesOf<typeof loadSettings>
export interface TailConfig extends ValuesOf<typeof tailSettings> {
  readonly entries: readonly string[]
}

export type ToolCommand =
  | { readonly command: 'probe'; readonly probe: ProbeConfig }
  | { readonly command: 'tail'; readonly tail: TailConfig }
  | { readonly command: 'top'; readonly top: TopConfig }
  | { readonly command: 'load'; readonly load: LoadConfig }
  | { readonly command: 'completion'; readonly shell: Shell }

export type ToolName = ToolCommand['command']

type Read = Readonly<Record<string, unknown>>

interface Tool {
  readonly settings: SettingTable
  /** One line for each fault of the words and of what was read. */
  readonly faults: (words: readonly string[], read: Read) => string[]
  readonly command: (words: readonly string[], values: object) => ToolCommand
}

const TOOLS: Readonly<Record<ToolName, Tool>> = {
  probe: {
    settings: probeSettings,
    faults: ([target, ...surplus], read) => {
      const problems: string[] = []
      if (target === undefined) problems.push('host:port: must be given, such as feed.example:50051')
      else if (!isAddress(target, 1))
        problems.push(`${quoteUnlessPlain(target)}: must be host:port, such as feed.example:50051`)
      if (surplus.length > 0) problems.push(`${quoteUnlessPlain(surplus.join(' '))}: only one feed at a time`)
      if (read.sample !== undefined && read.method === undefined) problems.push('--sample: needs --method')
      if (read.sampleTimeoutMs !== undefined && read.sample === undefined)
        problems.push('--sample-timeout-ms: has no effect without --sample: set both or none')
      if (read.sample !== undefined && read.printEnv === true)
        problems.push('--sample: has no effect with --print-env: leave one of them out')
      return problems
    },
    command: ([target], values) => ({
      command: 'probe',
      probe: { ...(values as Omit<ProbeConfig, 'target'>), target: target! },
    }),
  },
  tail: {
    settings: tailSettings,
    faults: (words, read) => {
      const wrong = words.filter(word => !isSymbol(word))
      return [
        ...(words.length === 0 ? ['symbol: must be given, such as BTCUSDT, BTC* or *'] : []),
        ...wrong.map(word => `${quoteUnlessPlain(word)}: must be a symbol of 1 to 64 bytes`),
        ...deliveryFaults(read),
        ...(read.since !== undefined && read.resume !== undefined
          ? ['--since: excludes --resume: leave one of them out']
          : []),
      ]
    },
    command: (entries, values) => ({
      command: 'tail',
      tail: { ...(values as Omit<TailConfig, 'entries'>), entries: [...new Set(entries)] },
    }),
  },
  top: {
    settings: topSettings,
    faults: noWords,
    command: (_, values) => ({ command: 'top', top: values as TopConfig }),
  },
  load: {
    settings: loadSettings,
    faults: (words, read) => [...noWords(words), ...deliveryFaults(read)],
    command: (_, values) => ({ command: 'load', load: values as LoadConfig }),
  },
  completion: {
    settings: {},
    faults: ([shell, ...surplus]) => [
      ...(SHELLS.some(known => known === shell) ? [] : [notShell(shell)]),
      ...noWords(surplus),
    ],
    command: ([shell]) => ({ command: 'completion', shell: shell as Shell }),
  },
}

/** Whether the first word of a command line names a tool. */
export function isTool(word: string | undefined): word is ToolName {
  return word !== undefined && Object.hasOwn(TOOLS, word)
}

/**
 * @param argv the words behind the name
 * @returns `help` or `version` where the line asks for that
 * @throws RingcastError `config_invalid`, with one line for each fault
 */
export function readTool(
  name: ToolName,
  env: Readonly<Record<string, string | undefined>>,
  argv: readonly string[],
): ToolCommand | 'help' | 'version' {
  const { command, faults: faultsOf, settings } = TOOLS[name]
  const line = readCommandLine(argv, settings)
  if (line.help) return 'help'
  if (line.version) return 'version'
  const isShared = (key: string) => settings[key] === (configSettings as SettingTable)[key]
  const ofEnvironment = [...readEnvironment(env).given].filter(
    ([key]) => Object.hasOwn(settings, key) && isShared(key),
  )
  const given = new Map([...ofEnvironment, ...line.given])
  const read: Record<string, unknown> = {}
  for (const [key, { text }] of given) if (text !== '') read[key] = settings[key]!.form.read(text)
  const { values, faults } = checkSettings(settings, read)
  const problems = [
    ...line.problems,
    ...faultsOf(line.words, read),
    ...faultLines(faults, namesOfTexts(given)),
  ]
  if (problems.length > 0) throw new RingcastError('config_invalid', problems.join('\n'))
  return command(line.words, values)
}

function noWords(words: readonly string[]): string[] {
  return words.length === 0 ? [] : [`${quoteUnlessPlain(words.join(' '))}: takes no such word`]
}

function notShell(word: string | undefined): string {
  if (word === undefined) return `shell: must be given: ${SHELLS.join(', ')}`
  return unknownName(word, suggestion(word, SHELLS))
}

function deliveryFaults({ delivery, interval }: Read): string[] {
  if (interval === undefined || delivery === 'latest') return []
  return ['--interval: has no effect without --delivery=latest: set both or none']
}
