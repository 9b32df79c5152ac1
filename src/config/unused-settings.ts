/**
 * Tells of settings that were given and do nothing beside the others or under the command. Any thread.
 * One that says the same as the default is let be, and so is a variable of another command: the environment may be shared.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Given } from './command-line.js'
import type { Names } from './config-errors.js'
import { configSchema, feedKeys, processKeys } from './settings.js'

export type Command = 'serve' | 'feed'

export interface Choice {
  readonly command: Command
  readonly given: ReadonlyMap<string, Given>
  /** What was read from `given`, unchecked; what is not given has no key. */
  readonly values: Readonly<Record<string, unknown>>
}

const SYNTHETIC_KEYS = ['feedSymbols', 'feedRate', 'feedSeed']
const REPLAY_KEYS = ['feedSpeed', 'feedLoop']
/** `closeTimeoutMs`: must be less than the feed's `shutdownTimeoutMs`. */
const FEED_COMMAND_KEYS = new Set([...feedKeys, ...processKeys, 'closeTimeoutMs'])

/** One line for each. */
export function tellIdle(choice: Choice, names: Names): string[] {
  const lines = new Map<string, string>()
  const { command, given, values } = choice
  const tell = (key: string, why: string) => {
    if (!lines.has(key)) lines.set(key, `${names.given(key)}: has no effect ${why}`)
  }
  for (const [key, { name, text }] of given) {
    if (text === '' || !name.startsWith('--')) continue
    if (command === 'feed' && !FEED_COMMAND_KEYS.has(key)) tell(key, 'on ringcast feed: leave it out')
    if (command === 'serve' && key === 'feedListen') tell(key, 'without the command feed: leave it out')
  }
  const differs = (key: string) => key in values && isNoDefault(key, values[key])
  if (command === 'serve' && differs('upstream')) {
    const why = `beside ${names.given('upstream')}, which is read in place of the embedded feed: set one of them`
    for (const key of feedKeys) if (key !== 'feedListen' && differs(key)) tell(key, why)
  } else if (differs('feedReplay')) {
    const why = `beside ${names.given('feedReplay')}, which is sent in place of synthetic ticks: set one of them`
    for (const key of SYNTHETIC_KEYS) if (differs(key)) tell(key, why)
  } else {
    const why = `without ${names.besides('feedReplay', REPLAY_KEYS.find(differs) ?? '')} (unset): set both or none`
    for (const key of REPLAY_KEYS) if (differs(key)) tell(key, why)
  }
  return [...lines.values()]
}

/** A value that is wrong has been told of already. */
function isNoDefault(key: string, value: unknown): boolean {
  const schema = configSchema.shape[key as keyof typeof configSchema.shape]
  return schema.safeParse(value).success && !isDeepStrictEqual(value, schema.safeParse(undefined).data)
}
