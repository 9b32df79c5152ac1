/**
 * Question: what does the smallest delivery cost, a write with one tick in it?
 * Workload: 500 clients, one symbol, 100 ticks/s, each of which is one write to each client: Ringcast is told not to gather them. And once as it
 *   comes, when it gathers two for a write as soon as the writes would take half of its main thread.
 * Leaves out: whatever sharing bytes could save.
 */
import { type SteadyWorkload, steadyWorkload } from '../steady-workload.js'
import { ALL_SERVERS, everyTick } from '../workload.js'

const plan =
  (settings: readonly string[]): SteadyWorkload['plan'] =>
  small => ({
    symbols: 1,
    rate: 100,
    paths: everyTick(small ? 10 : 500),
    // Each more sample sharpens p99.9: 50 give 5,000 a second.
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
