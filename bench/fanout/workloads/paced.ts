/**
 * Question: what does the smallest delivery cost, a write of one tick?
 * Workload: 500 clients, one symbol, 100 ticks/s. Ringcast gathers no ticks, so each tick is one write to each client.
 *   And once with the default: Ringcast gathers two ticks for a write as soon as the writes would take half of its main
 *   thread.
 * Leaves out: the savings of shared bytes.
 */
import { type SteadyWorkload, steadyWorkload } from '../steady-workload.js'
import { ALL_SERVERS, everyTick } from '../workload.js'

const plan =
  (settings: readonly string[]): SteadyWorkload['plan'] =>
  small => ({
    symbols: 1,
    rate: 100,
    paths: everyTick(small ? 10 : 500),
    // More samples sharpen p99.9: 50 witnesses give 5,000 samples a second.
    witnesses: small ? 5 : 50,
    settings,
  })

export const paced = steadyWorkload({
  name: 'paced',
  servers: ALL_SERVERS,
  plan: plan(['--gather-ms=0']),
  title: ({ paths, rate }) => `${paths.length} clients, ${rate} ticks/s of one symbol`,
  notes: [],
})

export const pacedGathering = steadyWorkload({
  name: 'paced-gathering',
  servers: ALL_SERVERS,
  plan: plan([]),
  title: ({ paths, rate }) => `${paths.length} clients, ${rate} ticks/s of one symbol, gathered by default`,
  notes: [],
})
