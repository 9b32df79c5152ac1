/**
 * Question: what do clients of the latest ticks cost?
 * Workload: 5,000 clients that get the latest ticks of 50 symbols every 250 ms, 50,000 ticks/s. The peers keep the
 *   latest ticks and publish them on a timer.
 * Leaves out: clients with different symbols. Trades are conflated like quotes.
 */
import { steadyWorkload } from '../steady-workload.js'
import { ALL_SERVERS } from '../workload.js'

export const conflated = steadyWorkload({
  name: 'conflated',
  servers: ALL_SERVERS,
  plan: small => ({
    symbols: 50,
    rate: small ? 1000 : 50_000,
    paths: new Array<string>(small ? 10 : 5000).fill('/ws/ticks?delivery=latest&interval=250'),
    witnesses: small ? 5 : 20,
  }),
  title: ({ paths, rate }) => `${paths.length} clients, the latest every 250 ms, ${rate} ticks/s`,
  notes: [],
})
