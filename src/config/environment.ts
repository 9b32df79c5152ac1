/**
 * Finds the settings among environment variables. Any thread. Pure.
 */
import { variableOf } from '../common/setting-names.js'
import type { GivenText } from './command-line.js'
import { configSettings } from './settings.js'
import { suggestion, unknownName } from './suggestion.js'

export interface Environment {
  /** The text of each setting that has a variable. An empty variable counts as absent. */
  readonly given: ReadonlyMap<string, GivenText>
  /** One line for each variable with our prefix that is no setting. */
  readonly problems: readonly string[]
}

const PREFIX = 'RINGCAST_'

export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const keyOfVariable = new Map(Object.keys(configSettings).map(key => [variableOf(key), key]))
  const given = new Map<string, GivenText>()
  const problems: string[] = []
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || text === undefined || text === '') continue
    const key = keyOfVariable.get(name)
    if (key === undefined) problems.push(unknownVariable(name, [...keyOfVariable.keys()]))
    else given.set(key, { name, text })
  }
  if (env.RINGCAST_SERVICE_HOST !== undefined) {
    // Kubernetes sets such variables in a pod for each service of its namespace. A service named ringcast has our prefix.
    problems.push('RINGCAST_SERVICE_HOST comes from Kubernetes: set enableServiceLinks: false in the pod')
  }
  return { given, problems }
}

/** The prefix is left out of the comparison: the right prefix would make every name similar. */
function unknownVariable(name: string, known: readonly string[]): string {
  const meant = suggestion(
    name.slice(PREFIX.length),
    known.map(variable => variable.slice(PREFIX.length)),
  )
  return unknownName(name, meant === undefined ? undefined : `${PREFIX}${meant}`)
}
