/**
 * Makes the config from variables, flags or a library user's options. Any thread.
 * Reads its arguments and the number of processors, nothing else. Every fault is reported in one error.
 */
import { availableParallelism as processorCount } from 'node:os'
import { RingcastError } from '../common/errors.js'
import { quoteUnlessPlain } from '../common/quote-value.js'
import { readCommandLine } from './command-line.js'
import { faultLines, namesOfOptions, namesOfTexts } from './config-errors.js'
import { readEnvironment } from './environment.js'
import { helpText } from './help.js'
import { checkObject } from './option-check.js'
import { type Config, configSettings, type HandlerOptions, handlerSettings } from './settings.js'
import { checkSettings } from './settings-check.js'
import { suggestion, unknownName } from './suggestion.js'
import { unusedSettings } from './unused-settings.js'

export type { Config, HandlerOptions }

export type ParsedCommand =
  | { readonly command: 'serve' | 'feed'; readonly config: Config }
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The words after the program's name. */
  readonly argv: readonly string[]
  /** How many threads this machine can run at once. The default of `poolSize` follows from it. */
  readonly availableParallelism: number
}

const COMMANDS = ['serve', 'feed'] as const
const POOL_SIZE_MAX = 100

/** @throws RingcastError `config_invalid`, with one line for each fault */
export function parseConfig({ env, argv, availableParallelism }: ConfigSources): ParsedCommand {
  const line = readCommandLine(argv, configSettings)
  if (line.help) return { command: 'help', text: helpText() }
  if (line.version) return { command: 'version' }

  const [word = 'serve', ...surplus] = line.words
  const command = COMMANDS.find(known => known === word)
  const problems = [...line.problems]
  if (command === undefined) problems.push(unknownName(word, suggestion(word, COMMANDS)))
  if (surplus.length > 0) problems.push(`${quoteUnlessPlain(surplus.join(' '))}: only one command at a time`)

  const environment = readEnvironment(env)
  problems.push(...environment.problems)

  const given = new Map([...environment.given, ...line.given])
  const names = namesOfTexts(given)
  const read: Record<string, unknown> = { poolSize: poolSizeFor(availableParallelism) }
  for (const [key, { text }] of given) {
    if (text !== '') read[key] = configSettings[key as keyof Config].form.read(text)
  }
  const { values, faults } = checkSettings(configSettings, read)
  problems.push(...faultLines(faults, names))
  if (command !== undefined) problems.push(...unusedSettings({ command, given, values: read }, names))
  if (command === undefined || problems.length > 0) {
    throw new RingcastError('config_invalid', problems.join('\n'))
  }
  return { command, config: Object.freeze(Object.fromEntries(values) as unknown as Config) }
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

/** One lane for each processor except one, which is left to the main thread. */
function poolSizeFor(availableParallelism: number): number {
  return Math.min(POOL_SIZE_MAX, Math.max(1, availableParallelism - 1))
}
