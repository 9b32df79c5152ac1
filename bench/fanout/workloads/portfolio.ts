/**
 * Question: what if no two clients want the same?
 * Workload: 2,000 clients, each its own 20 of 1,000 symbols, 50,000 ticks/s: each client gets 1,000 ticks/s. Ringcast has an audience for
 *   each client, its peers a topic for each symbol.
 * Leaves out: popular symbols; here each has 40 clients.
 */
import { symbolName } from '../../processes/steady-ticks.js'
import { steadyWorkload } from '../steady-workload.js'
import { ALL_SERVERS } from '../workload.js'

export const PORTFOLIO_SYMBOLS = 1000
const SYMBOLS_OF_CLIENT = 20
/** From one symbol of a client to the next: another one for each client, so that hardly two share a second symbol. */
const STEPS = [1, 3, 7, 9, 11, 13, 17, 19, 21, 23, 27, 29, 31, 33, 37, 39, 41, 43, 47, 49]

export const portfolio = steadyWorkload({
  name: 'portfolio',
  servers: ALL_SERVERS,
  plan: small => ({
    symbols: PORTFOLIO_SYMBOLS,
    rate: small ? 2000 : 50_000,
    paths: Array.from({ length: small ? 10 : 2000 }, (_, client) => portfolioPath(client)),
    witnesses: small ? 5 : 20,
  }),
  title: ({ paths, rate }) =>
    `${paths.length} clients, each its own ${SYMBOLS_OF_CLIENT} of ${PORTFOLIO_SYMBOLS} symbols, ${rate} ticks/s`,
  notes: ['The peers have a topic for each symbol, so their messages hold the ticks of one symbol.'],
})

/** For each client below 20,000 a selection of its own. */
export function portfolioPath(client: number, count = SYMBOLS_OF_CLIENT): string {
  const step = STEPS[(Math.floor(client / 100) + 7 * Math.floor(client / 2000)) % STEPS.length]!
  const symbols = Array.from({ length: count }, (_, index) =>
    symbolName((client + index * step) % PORTFOLIO_SYMBOLS),
  )
  return `/ws/ticks?symbols=${symbols.join(',')}`
}
