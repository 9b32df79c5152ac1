/**
 * Makes the config from variables, flags or a library user's options. Any thread.
 * Reads its arguments and the number of processors, nothing else. Every fault is reported in one error.
 */
import { availableParallelism as processorCount } from 'node:os'
import { RingcastError } from '../common/errors.js'
import { quoteUnlessPlain } from '../common/quote-value.js'
import { type GivenText, readCommandLine } from './command-line.js'
import { faultLines, namesOfOptions, namesOfTexts, type SettingNames } from './config-errors.js'
import { readEnvironment } from './environment.js'
import { helpText, probeHelpText } from './help.js'
import { checkObject } from './option-check.js'
import { type ProbeConfig, type ProbeOptions, probeSettings } from './probe-settings.js'
import { isAddress } from './setting-types.js'
import { type Config, configSettings, type HandlerOptions, handlerSettings } from './settings.js'
import { checkSettings } from './settings-check.js'
import { suggestion, unknownName } from './suggestion.js'
import { unusedSettings } from './unused-settings.js'

export type { Config, HandlerOptions, ProbeConfig }

export type ParsedCommand =
  | { readonly command: 'serve' | 'feed' | 'relay'; readonly config: Config }
  | { readonly command: 'probe'; readonly probe: ProbeConfig }
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The words after the program's name. */
  readonly argv: readonly string[]
  /** How many threads this machine can run at once. The default of `poolSize` follows from it. */
  readonly availableParallelism: number
}

const COMMANDS = ['serve', 'feed', 'relay'] as const
const POOL_SIZE_MAX = 100

/** @throws RingcastError `config_invalid`, with one line for each fault */
export function parseConfig({ env, argv, availableParallelism }: ConfigSources): ParsedCommand {
  if (argv[0] === 'probe') return parseProbe(env, argv.slice(1))
  const line = readCommandLine(argv, configSettings)
  if (line.help) return { command: 'help', text: helpText() }
  if (line.version) return { command: 'version' }

  const [word = 'serve', ...surplus] = line.words
  const command = COMMANDS.find(known => known === word)
  const problems = [...line.problems]
  if (word === 'probe') problems.push('probe: must be the first word')
  else if (command === undefined) problems.push(unknownName(word, suggestion(word, [...COMMANDS, 'probe'])))
  if (surplus.length > 0) problems.push(`${quoteUnlessPlain(surplus.join(' '))}: only one command at a time`)

  const environment = readEnvironment(env)
  problems.push(...environment.problems)

  const given = new Map([...environment.given, ...line.given])
  const names = namesOfTexts(given)
  const read: Record<string, unknown> = {}
  for (const [key, { text }] of given) {
    if (text !== '') read[key] = configSettings[key as keyof Config].form.read(text)
  }
  if (read.processes === 'auto') read.processes = Math.max(1, Math.floor(availableParallelism / 2))
  // A wrong number of processes is reported by the check.
  const processes = typeof read.processes === 'number' && read.processes >= 1 ? read.processes : 1
  read.poolSize ??= poolSizeFor(availableParallelism / processes)
  const { values, faults } = checkSettings(configSettings, read)
  problems.push(...faultLines(faults, names))
  if (command !== undefined) problems.push(...unusedSettings({ command, given, values: read }, names))
  if (command === 'relay') problems.push(...missingOfRelay(given, names))
  if (
    command === 'serve' &&
    read.auth === 'jwt' &&
    read.authSecretFile === undefined &&
    read.authJwks === undefined
  )
    problems.push(
      `${names.given('auth')}: needs ${names.nameLike('authJwks', 'auth')} or ${names.nameLike('authSecretFile', 'auth')}: set one of them`,
    )
  if (command === undefined || problems.length > 0) {
    throw new RingcastError('config_invalid', problems.join('\n'))
  }
  return { command, config: Object.freeze(Object.fromEntries(values) as unknown as Config) }
}

/** One line for each setting without which a relay has nothing to do. */
function missingOfRelay(given: ReadonlyMap<string, GivenText>, names: SettingNames): string[] {
  const examples = { nats: 'nats://nats.example:4222', upstream: 'feed.example:50051' }
  return Object.entries(examples)
    .filter(([key]) => (given.get(key)?.text ?? '') === '')
    .map(([key, example]) => `${names.nameLike(key, '')}: must be set for ringcast relay, such as ${example}`)
}

function parseProbe(env: ConfigSources['env'], argv: readonly string[]): ParsedCommand {
  const line = readCommandLine(argv, probeSettings)
  if (line.help) return { command: 'help', text: probeHelpText() }
  if (line.version) return { command: 'version' }
  const problems = [...line.problems]
  const [target, ...surplus] = line.words
  if (target === undefined) problems.push('host:port: must be given, such as feed.example:50051')
  else if (!isAddress(target, 1)) {
    problems.push(`${quoteUnlessPlain(target)}: must be host:port, such as feed.example:50051`)
  }
  if (surplus.length > 0) problems.push(`${quoteUnlessPlain(surplus.join(' '))}: only one feed at a time`)
  const environment = readEnvironment(env)
  const ofProbe = [...environment.given].filter(([key]) => Object.hasOwn(probeSettings, key))
  const given = new Map([...ofProbe, ...line.given])
  const read: Record<string, unknown> = {}
  for (const [key, { text }] of given) {
    if (text !== '') read[key] = probeSettings[key as keyof typeof probeSettings].form.read(text)
  }
  const { values, faults } = checkSettings(probeSettings, read)
  problems.push(...faultLines(faults, namesOfTexts(given)))
  if (read.sample !== undefined && read.method === undefined) problems.push('--sample: needs --method')
  if (read.sample !== undefined && read.printEnv === true) {
    problems.push('--sample: has no effect with --print-env: leave one of them out')
  }
  if (target === undefined || problems.length > 0)
    throw new RingcastError('config_invalid', problems.join('\n'))
  return { command: 'probe', probe: { ...(Object.fromEntries(values) as unknown as ProbeOptions), target } }
}

/**
 * The options of a library user, checked and filled with the defaults.
 *
 * @throws RingcastError `option_invalid`, with one line for each fault
 */
export function handlerOptions(
  options: Readonly<Partial<HandlerOptions>> = {},
  availableParallelism: number = processorCount(),
): HandlerOptions {
  checkObject(options, 'options')
  const { poolSize = poolSizeFor(availableParallelism), ...rest } = options
  const { values, faults } = checkSettings(handlerSettings, { ...rest, poolSize })
  if (faults.length > 0) {
    const names = namesOfOptions(options, Object.keys(handlerSettings))
    throw new RingcastError('option_invalid', faultLines(faults, names).join('\n'))
  }
  return Object.freeze(Object.fromEntries(values) as unknown as HandlerOptions)
}

/** The settings of a config that a `StreamHandler` takes. */
export function handlerPart(config: Config): HandlerOptions {
  const keys = Object.keys(handlerSettings) as (keyof HandlerOptions)[]
  return Object.fromEntries(keys.map(key => [key, config[key]])) as unknown as HandlerOptions
}

/** One lane for each processor except one, which is left to the main thread. @param processors of one process */
function poolSizeFor(processors: number): number {
  return Math.min(POOL_SIZE_MAX, Math.max(1, Math.floor(processors) - 1))
}
