/**
 * Turns the faults of settings into lines for the user, who reads the names that they gave: variables, flags or options.
 * Any thread. Pure.
 */
import { quoteUnlessPlain, quoteValue } from '../common/quote-value.js'
import { flagOf, variableOf } from '../common/setting-names.js'
import type { GivenText } from './command-line.js'
import type { BrokenRelation } from './setting-relations.js'
import { configSettings, type SettingTable } from './settings.js'
import type { SettingFault } from './settings-check.js'
import { suggestion, unknownName } from './suggestion.js'

/** How one way of giving settings names them. */
export interface SettingNames {
  /** The setting as the user gave it, "--port=abc"; undefined when it has its default. */
  given(key: string): string | undefined
  /** The name of a setting in the style in which `sibling` was given. */
  nameLike(key: string, sibling: string): string
  /** The line for a key that does not exist. */
  unknown(key: string): string
}

export function namesOfTexts(given: ReadonlyMap<string, GivenText>): SettingNames {
  return {
    given(key) {
      const entry = given.get(key)
      if (entry === undefined || entry.text === '') return undefined
      if (entry.name.startsWith('--no-')) return entry.name
      return `${entry.name}=${isSecret(key) ? '…' : quoteUnlessPlain(entry.text)}`
    },
    nameLike(key, sibling) {
      const name = given.get(key)?.name
      if (name !== undefined) return name
      return given.get(sibling)?.name.startsWith('--') ? `--${flagOf(key)}` : variableOf(key)
    },
    unknown: key => unknownName(key, undefined),
  }
}

export function namesOfOptions(
  options: Readonly<Record<string, unknown>>,
  known: readonly string[],
): SettingNames {
  return {
    given: key => (options[key] === undefined ? undefined : `${key}=${quoteValue(options[key])}`),
    nameLike: key => key,
    unknown: key => unknownName(key, suggestion(key, known)),
  }
}

/** One line for each fault. */
export function faultLines(faults: readonly SettingFault[], names: SettingNames): string[] {
  return faults.map(fault => faultLine(fault, names))
}

function faultLine(fault: SettingFault, names: SettingNames): string {
  switch (fault.kind) {
    case 'unknown':
      return names.unknown(fault.key)
    case 'value':
      return `${names.given(fault.key) ?? fault.key}: ${fault.rule}`
    case 'relation':
      return relationLine(fault, names)
  }
}

/** Reports on the setting that was given; on the first when both were. */
function relationLine({ relation, firstValue, secondValue }: BrokenRelation, names: SettingNames): string {
  const { first, second } = relation
  const firstGiven = names.given(first)
  const secondGiven = names.given(second)
  if (firstGiven === undefined && secondGiven !== undefined) {
    const other = `${names.nameLike(first, second)} (${written(first, firstValue)})`
    return `${secondGiven}: ${relation.secondMust(other)}`
  }
  const other = `${names.nameLike(second, first)} (${written(second, secondValue)})`
  return `${firstGiven ?? names.nameLike(first, second)}: ${relation.firstMust(other)}`
}

function written(key: keyof typeof configSettings, value: unknown): string {
  if (value === undefined) return 'unset'
  return isSecret(key) ? 'set' : configSettings[key].form.write(value)
}

function isSecret(key: string): boolean {
  return (configSettings as SettingTable)[key]?.isSecret === true
}
