/**
 * Question: what does permessage-deflate cost?
 * Workload: 1,000 clients that offer it as browsers do, 50 symbols, 10 ticks/s: ten ticks at one moment, or one at a
 *   time. A message of one tick does not get shorter by compression.
 * Leaves out: higher rates. `ws` compresses for each client and cannot follow them.
 */
import { type SteadyWorkload, steadyWorkload } from '../steady-workload.js'
import { everyTick, RINGCAST } from '../workload.js'

const SERVERS = [RINGCAST, 'ws', 'socket.io', 'uws', 'bun']

const plan =
  (burst: number): SteadyWorkload['plan'] =>
  small => ({
    symbols: 50,
    rate: 10,
    burst: small ? 1 : burst,
    paths: everyTick(small ? 5 : 1000),
    witnesses: small ? 5 : 50,
    deflate: true,
    settings: ['--compression', '--compression-min-bytes=0'],
  })

export const compressed = steadyWorkload({
  name: 'compressed',
  servers: SERVERS,
  plan: plan(10),
  title: ({ paths, rate, burst }) =>
    `${paths.length} clients, permessage-deflate, ${rate} ticks/s, ${burst} at once`,
  notes: [],
})

export const compressedSingle = steadyWorkload({
  name: 'compressed-single',
  servers: SERVERS,
  plan: plan(1),
  title: ({ paths, rate }) => `${paths.length} clients, permessage-deflate, ${rate} ticks/s one by one`,
  notes: [],
})
