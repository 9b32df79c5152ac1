/**
 * Does: sends SIGTERM while ten clients do not read.
 * Must: close the other clients with 1001 within a second, with all their ticks, and end with 0.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, AttackReport, Seen, Target } from '../attack.js'
import { CommandClient } from '../command-client.js'
import { streamEpoch } from '../stream-epoch.js'

const DEAF = 10
const CLOSED_WITHIN_MS = 1000
const GOING_AWAY = 1001
/**
 * Time in which unread ticks fill the connections. It is shorter than the write timeout, after which the clients would
 * be closed.
 */
const FILL_MS_MAX = 5000
/** Longer than the default shutdown timeout. */
const END_MS_MAX = 15_000

export const shutdown: Attack = {
  name: 'shutdown',
  does: `SIGTERM with ${DEAF} clients that do not read`,
  isOneLong: true,
  mayDelay: true,
  endsGateway: true,
  // All clients leave at one place of the stream.
  settings: () => ['--drain-ms=0'],
  run,
  faults,
}

async function run({ port, pid, seconds }: Target): Promise<AttackReport> {
  const query = `?resume=${await streamEpoch(port)}:0`
  const deaf = await Promise.all(Array.from({ length: DEAF }, () => CommandClient.connect({ port, query })))
  for (const { connection } of deaf) connection.stall()
  await sleep(Math.min(FILL_MS_MAX, (seconds * 1000) / 2))
  const stoppedMs = performance.timeOrigin + performance.now()
  process.kill(pid, 'SIGTERM')
  for (let waitedMs = 0; waitedMs < END_MS_MAX && isThere(pid); waitedMs += 50) await sleep(50)
  const tookMs = performance.timeOrigin + performance.now() - stoppedMs
  for (const { connection } of deaf) connection.end()
  return { done: `the gateway took ${Math.round(tookMs)} ms to end`, violations: [], stoppedMs }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function faults({ clients, reports }: Seen): string[] {
  const { closeCodes, closed, lastClosedMs, offsets, witnesses } = clients
  const stoppedMs = reports[0]?.stoppedMs
  const found: string[] = []
  const inOrder = closeCodes[GOING_AWAY] ?? 0
  if (inOrder < witnesses)
    found.push(`only ${inOrder} of ${witnesses} clients were closed with 1001, ${closed} in all`)
  const tookMs = Math.round((lastClosedMs ?? Number.POSITIVE_INFINITY) - (stoppedMs ?? 0))
  if (!(tookMs <= CLOSED_WITHIN_MS)) found.push(`it took ${tookMs} ms to close the clients that read`)
  const [least, most] = offsets
  if (least !== most) found.push(`one client’s last offset is ${least}, another’s is ${most}`)
  return found
}
