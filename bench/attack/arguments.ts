/**
 * The command line of `npm run bench:attack`.
 */
import { parseArgs } from 'node:util'
import { checkNames, positive, whole } from '../command-line.js'

export interface AttackArguments {
  readonly small: boolean
  readonly attacks: readonly string[]
  readonly seconds: number
  readonly rounds: number
  readonly clients: number
}

export const USAGE = `npm run bench:attack -- [attacks …] [options]

  --small        a few live clients, short attacks: shows that it runs; delays are not judged
  --seconds s    how long each attack lasts (60; with --small 1.5)
  --rounds n     in how many turns with quiet times (3; with --small 1)
  --clients n    live clients (100; with --small 5)
`

const FULL = { seconds: 60, rounds: 3, clients: 100 }
const SMALL = { seconds: 1.5, rounds: 1, clients: 5 }

/** @throws Error whose message says which arguments are allowed */
export function parseArguments(words: readonly string[], known: readonly string[]): AttackArguments {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      small: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      rounds: { type: 'string' },
      clients: { type: 'string' },
    },
  })
  checkNames('attacks', positionals, known)
  const usual = values.small ? SMALL : FULL
  return {
    small: values.small,
    attacks: positionals.length === 0 ? known : positionals,
    seconds: positive('--seconds', values.seconds, usual.seconds),
    rounds: whole('--rounds', values.rounds, usual.rounds),
    clients: whole('--clients', values.clients, usual.clients),
  }
}
