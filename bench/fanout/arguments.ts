/**
 * The command line of `npm run bench:fanout`.
 */
import { parseArgs } from 'node:util'
import { checkNames, positive, whole } from '../command-line.js'

export interface FanoutArguments {
  readonly small: boolean
  readonly workloads: readonly string[]
  /** Ringcast and the named peers; undefined: the servers that each workload names. */
  readonly servers: readonly string[] | undefined
  readonly runs: number
  readonly seconds: number
  readonly profile: boolean
}

export interface Known {
  readonly workloads: readonly string[]
  /** Ringcast first. */
  readonly servers: readonly string[]
}

export const USAGE = `npm run bench:fanout -- [workloads …] [options]

  --small        a few clients and less than a second of each run: shows that it runs, not how fast
  --peers a,b    these beside Ringcast, in place of those that each workload names
  --runs n       of each server, in turns (3; with --small 1)
  --seconds s    measured in each run (5; with --small 0.3)
  --profile      CPU profiles of each thread of the servers in Node, in bench/results/profiles/
`

const FULL = { runs: 3, seconds: 5 }
const SMALL = { runs: 1, seconds: 0.3 }

/** @throws Error whose message says which arguments are allowed */
export function parseArguments(words: readonly string[], known: Known): FanoutArguments {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      small: { type: 'boolean', default: false },
      peers: { type: 'string' },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'boolean', default: false },
    },
  })
  checkNames('workloads', positionals, known.workloads)
  const [ours, ...peers] = known.servers
  const named = values.peers?.split(',').filter(name => name !== '' && name !== ours)
  if (named !== undefined) checkNames('peers', named, peers)
  const usual = values.small ? SMALL : FULL
  return {
    small: values.small,
    workloads: positionals.length === 0 ? known.workloads : positionals,
    servers: named === undefined ? undefined : [ours!, ...named],
    runs: whole('--runs', values.runs, usual.runs),
    seconds: positive('--seconds', values.seconds, usual.seconds),
    profile: values.profile,
  }
}
