/**
 * Question: what does permessage-deflate cost?
 * Workload: 1,000 clients that offer it as browsers do, 50 symbols, 10 ticks/s: each message holds a tick, and each is compressed.
 * Leaves out: higher rates, which `ws` cannot follow when it compresses for each client.
 */
import { steadyWorkload } from '../steady-workload.js'
import { everyTick, RINGCAST } from '../workload.js'

export const compressed = steadyWorkload({
  name: 'compressed',
  servers: [RINGCAST, 'ws', 'socket.io', 'uws', 'bun'],
  plan: small => ({
    symbols: 50,
    rate: 10,
    paths: everyTick(small ? 5 : 1000),
    witnesses: small ? 5 : 50,
    deflate: true,
    settings: ['--compression', '--compression-min-bytes=0'],
  }),
  title: ({ paths, rate }) => `${paths.length} clients, permessage-deflate, ${rate} ticks/s`,
  notes: [],
})
