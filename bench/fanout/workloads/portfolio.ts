/**
 * Question: what does a tick cost when no two clients have the same symbols?
 * Workload: 2,000 clients with 20 of 1,000 symbols each, another selection for each client; 50,000 ticks/s: each client
 *   gets 1,000 ticks/s. Ringcast has an audience for each client. The peers have a topic for each symbol.
 * Leaves out: popular symbols. Here each symbol has 40 clients.
 */
import { symbolName } from '../../processes/steady-ticks.js'
import { steadyWorkload } from '../steady-workload.js'
import { ALL_SERVERS } from '../workload.js'

export const PORTFOLIO_SYMBOLS = 1000
const SYMBOLS_OF_CLIENT = 20
/** The steps from one symbol of a client to the next. Few clients that share a symbol share a second one. */
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

export function portfolioPath(client: number, count = SYMBOLS_OF_CLIENT): string {
  return `/ws/ticks?symbols=${portfolioSymbols(client, count).join(',')}`
}

/** A selection that differs for each client below 20,000. */
export function portfolioSymbols(client: number, count = SYMBOLS_OF_CLIENT): string[] {
  const step = STEPS[(Math.floor(client / 100) + 7 * Math.floor(client / 2000)) % STEPS.length]!
  return Array.from({ length: count }, (_, index) => symbolName((client + index * step) % PORTFOLIO_SYMBOLS))
}
