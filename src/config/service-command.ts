/**
 * Reads the command line of a service (serve, feed, relay), with the variables. Any thread. Pure.
 */
import { RingcastError } from '../common/errors.js'
import { quoteUnlessPlain } from '../common/quote-value.js'
import { type CommandLine, type GivenText, readCommandLine } from './command-line.js'
import { COMMAND_NAMES, SERVICES, type Service } from './commands.js'
import { faultLines, namesOfTexts, type SettingNames } from './config-errors.js'
import { readEnvironment } from './environment.js'
import { type Config, configSettings, type SettingTable } from './settings.js'
import { checkSettings } from './settings-check.js'
import { suggestion, unknownName } from './suggestion.js'
import { unusedSettings } from './unused-settings.js'

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The words after the program's name. */
  readonly argv: readonly string[]
  /** How many threads this machine can run at once. The default of `poolSize` follows from it. */
  readonly availableParallelism: number
}

export interface ServiceCommand {
  readonly service: Service
  readonly config: Config
  /** The variable or the flag that gave a setting; undefined: it has its default. */
  origin(key: string): string | undefined
}

const POOL_SIZE_MAX = 100

/** A line that asks for the help or the version is for the caller. */
export function readServiceLine(argv: readonly string[], more: SettingTable = {}): CommandLine {
  return readCommandLine(argv, { ...configSettings, ...more })
}

/**
 * @param line as `readServiceLine` has read it; keys that are no setting are left out
 * @throws RingcastError `config_invalid`, with one line for each fault
 */
export function readService(
  line: CommandLine,
  { env, availableParallelism }: Omit<ConfigSources, 'argv'>,
): ServiceCommand {
  const [word = 'serve', ...surplus] = line.words
  const service = SERVICES.find(known => known === word)
  const problems = [...line.problems]
  if (service === undefined) problems.push(notService(word))
  if (surplus.length > 0) problems.push(`${quoteUnlessPlain(surplus.join(' '))}: only one command at a time`)

  const environment = readEnvironment(env)
  problems.push(...environment.problems)

  const ofLine = [...line.given].filter(([key]) => Object.hasOwn(configSettings, key))
  const given = new Map([...environment.given, ...ofLine])
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
  if (service !== undefined)
    problems.push(...unusedSettings({ command: service, given, values: read }, names))
  if (service === 'relay') problems.push(...missingOfRelay(given, names))
  if (
    service === 'serve' &&
    read.auth === 'jwt' &&
    read.authSecretFile === undefined &&
    read.authJwks === undefined
  )
    problems.push(
      `${names.given('auth')}: needs ${names.nameLike('authJwks', 'auth')} or ${names.nameLike('authSecretFile', 'auth')}: set one of them`,
    )
  if (service === undefined || problems.length > 0) {
    throw new RingcastError('config_invalid', problems.join('\n'))
  }
  return {
    service,
    config: values,
    origin(key) {
      const { name, text } = given.get(key) ?? {}
      return text === '' ? undefined : name
    },
  }
}

/** One lane for each processor except one, which is left to the main thread. @param processors of one process */
export function poolSizeFor(processors: number): number {
  return Math.min(POOL_SIZE_MAX, Math.max(1, Math.floor(processors) - 1))
}

function notService(word: string): string {
  if (COMMAND_NAMES.some(name => name === word)) return `${word}: must be the first word`
  return unknownName(word, suggestion(word, COMMAND_NAMES))
}

/** One line for each setting without which a relay has nothing to do. */
function missingOfRelay(given: ReadonlyMap<string, GivenText>, names: SettingNames): string[] {
  const examples = { nats: 'nats://nats.example:4222', upstream: 'feed.example:50051' }
  return Object.entries(examples)
    .filter(([key]) => (given.get(key)?.text ?? '') === '')
    .map(([key, example]) => `${names.nameLike(key, '')}: must be set for ringcast relay, such as ${example}`)
}
