/**
 * Does: 2,000 clients of 100 addresses connect in the same moment, as after an outage. They stay.
 * Must: let all in within 15 s, and deliver to the others as before meanwhile.
 */
import { LoadClient } from '../../processes/load-client.js'
import type { Attack, AttackReport, Target } from '../attack.js'

const CLIENTS = 2000
/** Of a short attack, which shows that it runs. */
const CLIENTS_SMALL = 100
const SMALL_SECONDS = 5
/** One address may not connect as often as a herd does. */
const ADDRESSES = 100
const ALL_IN_MS_MAX = 15_000

export const herd: Attack = {
  name: 'herd',
  does: `${CLIENTS} clients connect in the same moment`,
  settings: () => ['--max-clients=5000'],
  run,
}

async function run({ port, seconds }: Target): Promise<AttackReport> {
  const startMs = performance.now()
  const count = seconds < SMALL_SECONDS ? CLIENTS_SMALL : CLIENTS
  const clients: LoadClient[] = []
  const waits = await Promise.all(
    Array.from({ length: count }, (_, client) => comeIn(port, client, startMs, clients)),
  )
  for (const client of clients) client.end()
  const inMs = waits.filter(ms => Number.isFinite(ms)).sort((a, b) => a - b)
  const lastMs = Math.round(inMs.at(-1) ?? Number.NaN)
  const violations: string[] = []
  if (inMs.length < count) violations.push(`${count - inMs.length} of ${count} clients were refused`)
  if (!(lastMs <= ALL_IN_MS_MAX)) violations.push(`the last client was let in after ${lastMs} ms`)
  const middleMs = Math.round(inMs[inMs.length >> 1] ?? Number.NaN)
  return {
    done: `${inMs.length} of ${count} clients were let in, half of them after ${middleMs} ms, all after ${lastMs} ms`,
    violations,
  }
}

/** @returns the client's wait for `subscribed`, ms; infinity: it was refused */
function comeIn(port: number, client: number, startMs: number, clients: LoadClient[]): Promise<number> {
  return new Promise(resolve => {
    clients.push(
      new LoadClient({
        port,
        // Ticks for the herd would delay those of the others, however it was let in.
        path: '/ws/ticks?symbols=NONE',
        localAddress: `127.0.1.${1 + (client % ADDRESSES)}`,
        deflate: false,
        isSocketIo: false,
        reader: {
          keepsWindow: undefined,
          take: () => {},
          messageEnded: () => resolve(performance.now() - startMs),
        },
        opened: refusal => {
          if (refusal !== undefined) resolve(Number.POSITIVE_INFINITY)
        },
      }),
    )
  })
}
