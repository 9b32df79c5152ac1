/**
 * Finds settings that were given and have no effect, because of the other settings or because of the command. Any thread.
 * A value that equals the default is no fault. Nor is a variable of another command: processes may share an environment.
 */
import { isDeepStrictEqual } from 'node:util'
import type { GivenText } from './command-line.js'
import { SERVICES, type Service, takesSetting } from './commands.js'
import type { SettingNames } from './config-errors.js'
import { type Config, configSettings, feedKeys, upstreamKeys } from './settings.js'

export interface GivenSettings {
  readonly command: Service
  readonly given: ReadonlyMap<string, GivenText>
  /** The values that were read from `given`, unchecked. A setting that was not given has no key. */
  readonly values: Readonly<Record<string, unknown>>
}

const SYNTHETIC_KEYS = ['feedSymbols', 'feedRate', 'feedSeed']
const REPLAY_KEYS = ['feedSpeed', 'feedLoop']

/** One line for each such setting. */
export function unusedSettings(settings: GivenSettings, names: SettingNames): string[] {
  const lines = new Map<string, string>()
  const { command, given, values } = settings
  const report = (key: string, why: string) => {
    if (!lines.has(key)) lines.set(key, `${names.given(key)}: has no effect ${why}`)
  }
  for (const [key, { name, text }] of given) {
    if (text === '' || !name.startsWith('--')) continue
    if (!takesSetting(command, key)) {
      // A flag that the gateway does not take is of one other command.
      const owner = SERVICES.find(service => takesSetting(service, key))
      const place = command === 'serve' ? `without the command ${owner}` : `on ringcast ${command}`
      report(key, `${place}: leave it out`)
    }
    // The variable may be that of a relay.
    if (command === 'serve' && given.has('nats') && isOfOtherSource(key))
      report(key, `beside ${names.given('nats')}, which is read in its place: set one of them`)
  }
  if (command === 'relay' || (command === 'serve' && given.has('nats'))) return [...lines.values()]
  const isChanged = (key: string) => key in values && differsFromDefault(key, values[key])
  if (command === 'serve' && isChanged('upstream')) {
    const why = `beside ${names.given('upstream')}, which is read in place of the embedded feed: set one of them`
    for (const key of feedKeys) if (key !== 'feedListen' && isChanged(key)) report(key, why)
  } else if (isChanged('feedReplay')) {
    const why = `beside ${names.given('feedReplay')}, which is sent in place of synthetic ticks: set one of them`
    for (const key of SYNTHETIC_KEYS) if (isChanged(key)) report(key, why)
  } else {
    const replay = names.nameLike('feedReplay', REPLAY_KEYS.find(isChanged) ?? '')
    for (const key of REPLAY_KEYS) {
      if (isChanged(key)) report(key, `without ${replay} (unset): set both or none`)
    }
  }
  return [...lines.values()]
}

function isOfOtherSource(key: string): boolean {
  return upstreamKeys.includes(key) || feedKeys.includes(key)
}

/** False for a wrong value, which the check of the settings reports. */
function differsFromDefault(key: string, value: unknown): boolean {
  const setting = configSettings[key as keyof Config]
  const initial = setting.check(undefined)?.value
  return setting.check(value) !== undefined && !isDeepStrictEqual(value, initial)
}
