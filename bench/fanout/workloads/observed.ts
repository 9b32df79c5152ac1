/**
 * Question: what do metrics, logs and the dashboard cost?
 * Workload: `paced` and, at one rate, `firehose`, with a gateway that nobody asks and that logs nothing, and with one
 *   whose `/metrics` is read every five seconds, whose dashboard is open, and whose log, as JSON, is read. In both five
 *   clients a second come and leave, which makes ten lines of the log.
 * Leaves out: what the readers cost, and the counters themselves, which nobody can switch off.
 */
import type { Plan } from '../../processes/session.js'
import { type Variants, variantsWorkload } from '../variants-workload.js'
import { everyTick } from '../workload.js'

const bothWays = (plan: Plan & { readonly rate: number }): Variants => ({
  alone: { ...plan, observation: 'alone' },
  watched: { ...plan, observation: 'watched' },
})

export const observedPaced = variantsWorkload({
  name: 'observed-paced',
  title: '500 clients, 100 ticks/s of one symbol, with and without metrics, log and dashboard',
  variants: small =>
    bothWays({
      symbols: 1,
      rate: 100,
      paths: everyTick(small ? 10 : 500),
      witnesses: small ? 5 : 50,
      settings: ['--gather-ms=0'],
    }),
  notes: [],
})

export const observedFirehose = variantsWorkload({
  name: 'observed-firehose',
  title: '500 clients, 10,000 ticks/s of 50 symbols, with and without metrics, log and dashboard',
  variants: small =>
    bothWays({
      symbols: 50,
      rate: small ? 200 : 10_000,
      paths: everyTick(small ? 10 : 500),
      witnesses: 4,
      parseEvery: 8,
    }),
  notes: [],
})
