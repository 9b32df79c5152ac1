/**
 * Tells what is wrong with settings, in the names that the user gave them: variables, flags or options. Any thread.
 * One line for each wrong thing, whatever number of checks it failed.
 */
import type { z } from 'zod'
import { quoteUnlessPlain, quoteValue } from '../common/quote-value.js'
import { flagOf, variableOf } from '../common/setting-names.js'
import type { Given } from './command-line.js'
import { detailsOf } from './setting-types.js'
import { type BrokenRelation, configSchema } from './settings.js'
import { nearest, unknownName } from './suggestions.js'

/** How one way of giving settings names them. */
export interface Names {
  /** The setting as the user gave it, "--port=abc"; undefined where it was left to its default. */
  given(key: string): string | undefined
  /** The name of a setting beside `sibling`, which was given. */
  besides(key: string, sibling: string): string
  /** The line for a key that does not exist. */
  unknown(key: string): string
}

export function namesOfText(given: ReadonlyMap<string, Given>): Names {
  return {
    given: key => {
      const entry = given.get(key)
      if (entry === undefined || entry.text === '') return undefined
      return entry.name.startsWith('--no-') ? entry.name : `${entry.name}=${quoteUnlessPlain(entry.text)}`
    },
    besides: (key, sibling) => {
      const name = given.get(key)?.name
      if (name !== undefined) return name
      return given.get(sibling)?.name.startsWith('--') ? `--${flagOf(key)}` : variableOf(key)
    },
    unknown: key => unknownName(key, '', null),
  }
}

export function namesOfOptions(partial: Readonly<Record<string, unknown>>, known: readonly string[]): Names {
  return {
    given: key => {
      const value = partial[key]
      if (value === undefined) return undefined
      return `${key}=${quoteValue(value)}`
    },
    besides: key => key,
    unknown: key => unknownName(key, '', nearest(key, known)),
  }
}

/** One line for each unknown key, each wrong value and each broken relation. */
export function explain(error: z.ZodError, names: Names): string[] {
  const lines = new Map<string, string>()
  for (const issue of error.issues) {
    const key = String(issue.path[0])
    if (issue.code === 'unrecognized_keys') {
      for (const name of issue.keys) lines.set(name, names.unknown(name))
    } else if (issue.code === 'custom' && issue.params?.relation !== undefined) {
      const broken = issue.params as BrokenRelation
      lines.set(`${broken.relation.first} ${broken.relation.second}`, explainRelation(broken, names))
    } else {
      // A value can break several parts of its rule, a list once for each item: the line is the same.
      lines.set(key, `${names.given(key) ?? key}: ${issue.message}`)
    }
  }
  return [...lines.values()]
}

/** A broken relation is blamed on the setting that was given; on the first when both were. */
function explainRelation({ relation, firstValue, secondValue }: BrokenRelation, names: Names): string {
  const { first, second } = relation
  const firstGiven = names.given(first)
  const secondGiven = names.given(second)
  if (firstGiven === undefined && secondGiven !== undefined) {
    return `${secondGiven}: ${relation.secondMust(`${names.besides(first, second)} (${written(first, firstValue)})`)}`
  }
  const other = `${names.besides(second, first)} (${written(second, secondValue)})`
  return `${firstGiven ?? names.besides(first, second)}: ${relation.firstMust(other)}`
}

function written(key: keyof typeof configSchema.shape, value: unknown): string {
  return value === undefined ? 'unset' : detailsOf(configSchema.shape[key]).form.write(value)
}
