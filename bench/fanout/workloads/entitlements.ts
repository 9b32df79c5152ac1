/**
 * Question: do clients of ten entitlements cost what clients of ten subscriptions cost?
 * Workload: 5,000 clients, 20 of 1,000 symbols each, ten different selections, 20,000 ticks/s: a client gets 400 ticks/s.
 *   Once the clients name their symbols, and nobody has a token. Once they name them, and each has a token of its own
 *   that allows all symbols. Once each has a token of its own that allows its 20 symbols, and asks for all it may see.
 * Leaves out: the check of tokens, which ends before the measured time begins.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SECRET, secretToken } from '../../../test/support/tokens.js'
import { type Variants, variantsWorkload } from '../variants-workload.js'
import { type FanoutOptions, RINGCAST, type Workload, type WorkloadResult } from '../workload.js'
import { PORTFOLIO_SYMBOLS, portfolioPath, portfolioSymbols } from './portfolio.js'

const NAME = 'entitlements'
const SELECTIONS = 10
/** Selections with so many clients between them share no symbol. */
const STRIDE = 100

export const entitlements: Workload = { name: NAME, servers: [RINGCAST], run }

async function run(options: FanoutOptions): Promise<WorkloadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-entitlements-'))
  try {
    const secretPath = join(folder, 'secret')
    writeFileSync(secretPath, SECRET)
    const variants = await variantsOf(options.small, secretPath)
    return await variantsWorkload({
      name: NAME,
      title: `${options.small ? 20 : '5,000'} clients, ${SELECTIONS} selections of 20 of 1,000 symbols`,
      variants: () => variants,
      notes: [],
    }).run(options)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function variantsOf(small: boolean, secretPath: string): Promise<Variants> {
  const clients = Array.from({ length: small ? 20 : 5000 }, (_, client) => client)
  const plan = { symbols: PORTFOLIO_SYMBOLS, rate: small ? 2000 : 20_000, witnesses: small ? 5 : 20 }
  const settings = ['--auth=jwt', `--auth-secret-file=${secretPath}`]
  const selection = (client: number): number => (client % SELECTIONS) * STRIDE
  const token = (client: number, symbols: readonly string[]): Promise<string> =>
    secretToken({ sub: `user ${client}`, symbols })
  return {
    'ten subscriptions, no tokens': {
      ...plan,
      paths: clients.map(client => portfolioPath(selection(client))),
    },
    'ten subscriptions, a token each for all symbols': {
      ...plan,
      settings,
      paths: await Promise.all(
        clients.map(
          async client => `${portfolioPath(selection(client))}&token=${await token(client, ['*'])}`,
        ),
      ),
    },
    'ten entitlements, a token each': {
      ...plan,
      settings,
      paths: await Promise.all(
        clients.map(
          async client =>
            `/ws/ticks?symbols=*&token=${await token(client, portfolioSymbols(selection(client)))}`,
        ),
      ),
    },
  }
}
