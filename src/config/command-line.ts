/**
 * Splits a command line into words, switches and flags with their text. Any thread. Pure.
 * Knows which flags exist, not which values they may have. Every problem is reported at once.
 */
import { flagOf } from '../common/setting-names.js'
import type { SettingTable } from './settings.js'
import { suggestion, unknownName } from './suggestion.js'

/** A setting's text, with the name under which the user gave it. */
export interface GivenText {
  readonly name: string
  readonly text: string
}

export interface CommandLine {
  /** The words that are neither a flag nor the value of one. All behind `--` are such words. */
  readonly words: readonly string[]
  readonly help: boolean
  readonly version: boolean
  /** The last text given for each key. An empty text puts the default back, also in place of a variable. */
  readonly given: ReadonlyMap<string, GivenText>
  readonly problems: readonly string[]
}

interface Flag {
  readonly key: string
  /** The text that the bare flag stands for; undefined: the flag needs a value. */
  readonly bareText: string | undefined
  /** Whether `--flag=value` is possible. */
  readonly takesValue: boolean
}

function flagTable(settings: SettingTable): ReadonlyMap<string, Flag> {
  const table = new Map<string, Flag>()
  for (const [key, { form }] of Object.entries(settings)) {
    const isSwitch = form.placeholder === undefined
    table.set(flagOf(key), { key, bareText: isSwitch ? 'true' : undefined, takesValue: true })
    if (isSwitch) table.set(`no-${flagOf(key)}`, { key, bareText: 'false', takesValue: false })
  }
  return table
}

/** @param argv the words after the program's name */
export function readCommandLine(argv: readonly string[], settings: SettingTable): CommandLine {
  const flags = flagTable(settings)
  const words: string[] = []
  const given = new Map<string, GivenText>()
  const problems: string[] = []
  let help = false
  let version = false

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (word === '--') {
      words.push(...argv.slice(i + 1))
      break
    }
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
      problems.push(unknownFlag(name, [...flags.keys()]))
      // The next word is most likely the value of this flag. As an unknown command it would be reported twice.
      if (value === undefined && next !== undefined && !next.startsWith('-')) i += 1
    } else if (value !== undefined) {
      if (flag.takesValue) given.set(flag.key, { name, text: value })
      else problems.push(`${name}: takes no value`)
    } else if (flag.bareText !== undefined) {
      given.set(flag.key, { name, text: flag.bareText })
    } else if (next === undefined || next.startsWith('--')) {
      problems.push(`${name}: needs a value`)
    } else {
      given.set(flag.key, { name, text: next })
      i += 1
    }
  }
  return { words, help, version, given, problems }
}

function unknownFlag(name: string, flags: readonly string[]): string {
  const meant = suggestion(name.replace(/^-+/, ''), [...flags, 'help', 'version'])
  return unknownName(name, meant === undefined ? undefined : `--${meant}`)
}
