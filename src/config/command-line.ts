/**
 * Takes a command line apart into words, switches and flags with their text; knows which flags exist, not what they mean.
 * Any thread. Pure: whatever is wrong stands in `problems`, all of it at once.
 */
import { flagOf } from '../common/setting-names.js'
import { nearest, unknownName } from './suggestions.js'

/** A setting's text, with the name that the user gave it. */
export interface Given {
  readonly name: string
  readonly text: string
}

export interface CommandLine {
  /** What is neither a flag nor the value of one. */
  readonly words: readonly string[]
  readonly help: boolean
  readonly version: boolean
  /** The last one given for each key. An empty text puts the default back, also over a variable. */
  readonly given: ReadonlyMap<string, Given>
  readonly problems: readonly string[]
}

interface Flag {
  readonly key: string
  /** The text that the flag itself stands for; undefined: it needs a value. */
  readonly text: string | undefined
  /** Whether `--flag=value` is possible. */
  readonly takesValue: boolean
}

function flagTable(booleans: ReadonlyMap<string, boolean>): ReadonlyMap<string, Flag> {
  const table = new Map<string, Flag>()
  for (const [key, isBoolean] of booleans) {
    table.set(flagOf(key), { key, text: isBoolean ? 'true' : undefined, takesValue: true })
    if (isBoolean) table.set(`no-${flagOf(key)}`, { key, text: 'false', takesValue: false })
  }
  return table
}

/**
 * @param argv the words after the program's name
 * @param booleans the key of each setting, with whether it is a boolean, which needs no value
 */
export function readCommandLine(
  argv: readonly string[],
  booleans: ReadonlyMap<string, boolean>,
): CommandLine {
  const flags = flagTable(booleans)
  const known = [...flags.keys(), 'help', 'version']
  const words: string[] = []
  const given = new Map<string, Given>()
  const problems: string[] = []
  let help = false
  let version = false

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (!word.startsWith('-')) {
      words.push(word)
      continue
    }
    if (word === '--help' || word === '-h') {
      help = true
      continue
    }
    if (word === '--version' || word === '-V') {
      version = true
      continue
    }
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    const value = equals < 0 ? undefined : word.slice(equals + 1)
    const next = argv[i + 1]
    const flag = name.startsWith('--') ? flags.get(name.slice(2)) : undefined
    if (flag === undefined) {
      problems.push(unknownName(name, '--', nearest(name.replace(/^-+/, ''), known)))
      // What follows is most likely its value: to call that an unknown command would be a second, false report.
      if (value === undefined && next !== undefined && !next.startsWith('-')) i += 1
    } else if (value !== undefined) {
      if (flag.takesValue) given.set(flag.key, { name, text: value })
      else problems.push(`${name}: takes no value`)
    } else if (flag.text !== undefined) {
      given.set(flag.key, { name, text: flag.text })
    } else if (next === undefined || next.startsWith('--')) {
      problems.push(`${name}: needs a value`)
    } else {
      given.set(flag.key, { name, text: next })
      i += 1
    }
  }
  return { words, help, version, given, problems }
}
