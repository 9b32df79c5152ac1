/**
 * Does: 18 clients read steadily, 5 to 120 KB/s, less than they are sent. Half of them first resume from the start.
 * Four others take nothing.
 * Must: keep the clients that read. Close those that take nothing with 4008, or cut them. The write timeout is the
 * default for an attack of 60 s, and in proportion for other durations.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, AttackReport, Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { streamEpoch } from '../stream-epoch.js'

const READERS = 18
const [SLOWEST, FASTEST] = [5000, 120_000]
const TAKERS_OF_NOTHING = 4
const SLOW_CONSUMER = 4008
/** Time for a client that reads again to find how its connection ended. */
const END_MS = 3000

export const slowReaders: Attack = {
  name: 'slow-readers',
  does: `${READERS} clients read 5 to 120 KB/s, ${TAKERS_OF_NOTHING} take nothing`,
  isOneLong: true,
  settings: seconds => [`--write-timeout-ms=${Math.round((10_000 * seconds) / 60)}`],
  run,
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  const resume = `?resume=${await streamEpoch(port)}:0`
  const readers = await Promise.all(
    Array.from({ length: READERS }, (_, index) =>
      CommandClient.connect({
        port,
        query: index % 2 === 0 ? '' : resume,
        bytesPerSecond: SLOWEST + ((FASTEST - SLOWEST) * index) / (READERS - 1),
      }),
    ),
  )
  const others = await Promise.all(
    Array.from({ length: TAKERS_OF_NOTHING }, async () => {
      const client = await CommandClient.connect({ port, query: resume })
      client.connection.stall()
      return client
    }),
  )
  await sleep(seconds * 1000)
  const violations: string[] = []
  for (const [index, { connection }] of readers.entries()) {
    const pace = Math.round((SLOWEST + ((FASTEST - SLOWEST) * index) / (READERS - 1)) / 1000)
    if (connection.isClosed)
      violations.push(`a client that read ${pace} KB/s was closed: ${connection.closeCode ?? 'cut'}`)
  }
  for (const { connection } of others) connection.resume()
  for (
    let waitedMs = 0;
    waitedMs < END_MS && others.some(({ connection }) => !connection.isClosed);
    waitedMs += 50
  )
    await sleep(50)
  for (const { connection } of others) {
    if (!connection.isClosed) violations.push('a client that took nothing was kept')
    else if (connection.closeCode !== undefined && connection.closeCode !== SLOW_CONSUMER)
      violations.push(`a client that took nothing was closed with ${connection.closeCode}`)
  }
  const bytes = readers.reduce((sum, { connection }) => sum + connection.bytes, 0)
  for (const { connection } of [...readers, ...others]) connection.end()
  return { done: `slow readers took ${Math.round(bytes / 1e6)} MB`, violations }
}
