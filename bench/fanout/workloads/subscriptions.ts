/**
 * Question: what does it cost that every client has other symbols?
 * Workload: 5,000 clients with 20 of 1,000 symbols each, 20,000 ticks/s. Once all clients have the same 20 symbols,
 *   once each client has another selection. In both cases a client gets 400 ticks/s.
 * Leaves out: clients that change their subscription, see `changes`.
 */
import { variantsWorkload } from '../variants-workload.js'
import { PORTFOLIO_SYMBOLS, portfolioPath } from './portfolio.js'

export const subscriptions = variantsWorkload({
  name: 'subscriptions',
  title: '5,000 clients, 20 of 1,000 symbols each, 20,000 ticks/s',
  variants: small => {
    const clients = small ? 10 : 5000
    const plan = { symbols: PORTFOLIO_SYMBOLS, rate: small ? 2000 : 20_000, witnesses: small ? 5 : 20 }
    const paths = (of: (client: number) => string) =>
      Array.from({ length: clients }, (_, client) => of(client))
    return {
      'the same 20': { ...plan, paths: paths(() => portfolioPath(0)) },
      'each its own 20': { ...plan, paths: paths(portfolioPath) },
    }
  },
  notes: [],
})
