/**
 * Question: what do clients cost that want to see the latest, not every tick?
 * Workload: 5,000 clients, the latest of 50 symbols 250 ms apart, 50,000 ticks/s. The peers keep the latest and publish it on a timer.
 * Leaves out: clients that differ in what they want; trades are conflated like quotes, as was asked for.
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
