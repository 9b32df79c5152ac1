/**
 * Question: what does the smallest delivery cost, a write with one tick in it?
 * Workload: 500 clients, one symbol, 100 ticks/s, so that nothing can be gathered: each tick is one write to each client.
 * Leaves out: whatever sharing bytes and writes could save.
 */
import { steadyWorkload } from '../steady-workload.js'
import { ALL_SERVERS, everyTick } from '../workload.js'

export const paced = steadyWorkload({
  name: 'paced',
  servers: ALL_SERVERS,
  plan: small => ({
    symbols: 1,
    rate: 100,
    paths: everyTick(small ? 10 : 500),
    // Each more sample sharpens p99.9: 50 give 5,000 a second.
    witnesses: small ? 5 : 50,
  }),
  title: ({ paths, rate }) => `${paths.length} clients, ${rate} ticks/s of one symbol`,
  notes: [],
})
