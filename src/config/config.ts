/**
 * From variables, flags or a library user's options to values that the rest of Ringcast can rely on. Any thread.
 * Reads nothing but its arguments (and the number of processors, where none is given). All that is wrong is told at once.
 */
import { availableParallelism as processors } from 'node:os'
import { RingcastError } from '../common/errors.js'
import { quoteUnlessPlain } from '../common/quote-value.js'
import { variableOf } from '../common/setting-names.js'
import { type Given, readCommandLine } from './command-line.js'
import { explain, namesOfOptions, namesOfText } from './config-errors.js'
import { helpText } from './help.js'
import { checkObject } from './option-check.js'
import { detailsOf } from './setting-types.js'
import { type Config, configSchema, type HandlerOptions, handlerSchema } from './settings.js'
import { nearest, unknownName } from './suggestions.js'
import { tellIdle } from './unused-settings.js'

export { settingsTable } from './help.js'
export type { Config, HandlerOptions }

export type ParsedCommand =
  | { readonly command: 'serve' | 'feed'; readonly config: Config }
  | { readonly command: 'help'; readonly text: string }
  | { readonly command: 'version' }

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The words after the program's name. */
  readonly argv: readonly string[]
  /** How many threads run at once on this machine; the default of `poolSize` follows from it. */
  readonly availableParallelism: number
}

const COMMANDS = ['serve', 'feed'] as const

/** @throws RingcastError `config_invalid`, with one line for each thing that is wrong */
export function parseConfig({ env, argv, availableParallelism }: ConfigSources): ParsedCommand {
  const { shape } = configSchema
  const isBoolean = Object.entries(shape).map(
    ([key, schema]) => [key, detailsOf(schema).form.placeholder === ''] as const,
  )
  const line = readCommandLine(argv, new Map(isBoolean))
  if (line.help) return { command: 'help', text: helpText() }
  if (line.version) return { command: 'version' }

  const [word = 'serve', ...surplus] = line.words
  const command = COMMANDS.find(known => known === word)
  const problems = [...line.problems]
  if (command === undefined) problems.push(unknownName(word, '', nearest(word, COMMANDS)))
  if (surplus.length > 0) problems.push(`${quoteUnlessPlain(surplus.join(' '))}: only one command at a time`)

  const variables = readVariables(env)
  problems.push(...variables.problems)

  const given = new Map([...variables.given, ...line.given])
  const values: Record<string, unknown> = { poolSize: poolSizeFor(availableParallelism) }
  for (const [key, { text }] of given) {
    if (text !== '') values[key] = detailsOf(shape[key as keyof typeof shape]).form.read(text)
  }
  const result = configSchema.safeParse(allKeys(shape, values))
  const names = namesOfText(given)
  if (!result.success) problems.push(...explain(result.error, names))
  if (command !== undefined) problems.push(...tellIdle({ command, given, values }, names))
  if (!result.success || command === undefined || problems.length > 0) {
    throw new RingcastError('config_invalid', problems.join('\n'))
  }
  // Every key is present: `allKeys` has put it there.
  return { command, config: Object.freeze(result.data as Config) }
}

/**
 * The options of a library user, checked and filled with the defaults.
 *
 * @throws RingcastError `option_invalid`, with one line for each thing that is wrong
 */
export function handlerOptions(
  partial: Readonly<Partial<HandlerOptions>> = {},
  availableParallelism: number = processors(),
): HandlerOptions {
  checkObject(partial, 'options')
  const { poolSize = poolSizeFor(availableParallelism), ...rest } = partial
  const result = handlerSchema.safeParse(allKeys(handlerSchema.shape, { ...rest, poolSize }))
  if (!result.success) {
    throw new RingcastError(
      'option_invalid',
      explain(result.error, namesOfOptions(partial, Object.keys(handlerSchema.shape))).join('\n'),
    )
  }
  return Object.freeze(result.data as HandlerOptions)
}

/** The part of a config that is the handler's. */
export function handlerPart(config: Config): HandlerOptions {
  const keys = Object.keys(handlerSchema.shape) as (keyof HandlerOptions)[]
  return Object.fromEntries(keys.map(key => [key, config[key]])) as HandlerOptions
}

/** One lane for each processor but the main thread's. */
function poolSizeFor(availableParallelism: number): number {
  return Math.min(100, Math.max(1, availableParallelism - 1))
}

/** Zod leaves out what is optional and absent; a config has every key. */
function allKeys(shape: object, values: Record<string, unknown>): Record<string, unknown> {
  const unset = Object.fromEntries(Object.keys(shape).map(key => [key, undefined]))
  return { ...unset, ...values }
}

function readVariables(env: ConfigSources['env']): { given: Map<string, Given>; problems: string[] } {
  const keyOfVariable = new Map(Object.keys(configSchema.shape).map(key => [variableOf(key), key]))
  const suffixes = [...keyOfVariable.keys()].map(name => name.slice('RINGCAST_'.length))
  const given = new Map<string, Given>()
  const problems: string[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith('RINGCAST_') || text === undefined || text === '') continue
    const key = keyOfVariable.get(name)
    if (key !== undefined) given.set(key, { name, text })
    else {
      const meant = nearest(name.slice('RINGCAST_'.length), suffixes)
      problems.push(unknownName(name, 'RINGCAST_', meant))
    }
  }
  if (env.RINGCAST_SERVICE_HOST !== undefined) {
    // Kubernetes hands a pod such variables for each service of its namespace; one named ringcast hits our prefix.
    problems.push('RINGCAST_SERVICE_HOST comes from Kubernetes: set enableServiceLinks: false in the pod')
  }
  return { given, problems }
}
