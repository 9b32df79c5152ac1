/** The proof that a stream on many nodes is exact: `npm run test:cluster`. */
import { expect, it } from 'vitest'
import { extent } from '../support/extent.js'
import { noNatsServer } from '../support/nats-server.js'
import { clusterStorm, scheduleOf } from './cluster-storm.js'

/** Clients that are the library `@ringcast/client`, beside the others. */
const SDK_CLIENTS = Number(process.env.RINGCAST_TEST_SDK_CLIENTS ?? 0)
const SEED = Number(process.env.RINGCAST_TEST_SEED ?? 20_261_129)

it.skipIf(noNatsServer !== undefined)(
  'no client has a silent error while processes of a cluster are killed, stopped and restarted',
  async ({ signal }) => {
    const clients = extent(60, 300)
    const result = await clusterStorm({
      seed: SEED,
      clients,
      sdkClients: SDK_CLIENTS,
      schedule: scheduleOf(SEED, extent(1, 5)),
      ticksPerSecond: extent(150, 80),
      signal,
      say: line => process.stdout.write(`${(performance.now() / 1000).toFixed(1)} s  ${line}\n`),
    })
    const { complaints, logs, scoreboard, silentErrors, ...counts } = result
    process.stdout.write(
      `seed ${SEED}, ${clients} clients, ${SDK_CLIENTS} with the library\n${scoreboard}\n${JSON.stringify(counts)}\n`,
    )
    if (complaints.length + silentErrors.length > 0) process.stdout.write(`${logs.join('\n')}\n`)
    expect({ complaints, silentErrors }).toEqual({ complaints: [], silentErrors: [] })
    expect(counts.moves).toBeGreaterThan(clients)
    expect(counts.resumed).toBeGreaterThan(clients)
    expect(counts.resumedByCommand).toBeGreaterThan(clients / 2)
    expect(counts.merged).toBeGreaterThan(clients)
    expect(counts.snapshots).toBeGreaterThan(clients)
  },
  extent(300_000, 1_800_000),
)
