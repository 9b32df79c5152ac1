/**
 * Question: does a client of the latest ticks cost as much as it gets, or as much as comes in?
 * Workload: 5,000 clients with the latest ticks of 20 of 1,000 symbols every 500 ms, another selection for each client,
 *   at 5,000 and at 50,000 ticks/s. A client gets about the same at both rates. And the cost of the incoming ticks
 *   alone, without clients that get any.
 * Leaves out: clients with the same symbols, see `conflated`.
 */
import { variantsWorkload } from '../variants-workload.js'
import { PORTFOLIO_SYMBOLS, portfolioPath } from './portfolio.js'

export const latest = variantsWorkload({
  name: 'latest',
  title: '5,000 clients, each the latest of its own 20 of 1,000 symbols every 500 ms',
  variants: small => {
    const paths = Array.from(
      { length: small ? 10 : 5000 },
      (_, client) => `${portfolioPath(client)}&delivery=latest&interval=500`,
    )
    const plan = { symbols: PORTFOLIO_SYMBOLS, paths, witnesses: small ? 5 : 20 }
    return small
      ? { '1,000 ticks/s': { ...plan, rate: 1000 }, '2,000 ticks/s': { ...plan, rate: 2000 } }
      : { '5,000 ticks/s': { ...plan, rate: 5000 }, '50,000 ticks/s': { ...plan, rate: 50_000 } }
  },
  notes: ['Every symbol has 2.5 ticks in 500 ms at 5,000 ticks/s, and 25 at 50,000.'],
})
