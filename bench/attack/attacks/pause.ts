/**
 * Does: stops the gateway's process, as a suspended virtual machine or a debugger does: for 2/3 of the attack's time,
 * and then for 7/6 of it. With --seconds 60: for 40 s and for 70 s.
 * Must: keep all clients, and lose nothing. All timeouts are the defaults for an attack of 60 s, and in proportion for
 * other durations.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, AttackReport, Target } from '../attack.js'

const PARTS = [2 / 3, 7 / 6]
/** Time in which queued ticks are sent, as a share of the attack's time. */
const RECOVERY = 1 / 6
/** The defaults, in ms. */
const TIMEOUTS: Readonly<Record<string, number>> = {
  'ping-interval-ms': 30_000,
  'pong-timeout-ms': 10_000,
  'read-timeout-ms': 60_000,
  'write-timeout-ms': 10_000,
  'upstream-stall-timeout-ms': 30_000,
}

export const pause: Attack = {
  name: 'pause',
  does: 'SIGSTOP of the gateway, for 40 s and for 70 s when it is given 60 s',
  isOneLong: true,
  mayDelay: true,
  settings: seconds =>
    Object.entries(TIMEOUTS).map(([name, ms]) => `--${name}=${Math.round((ms * seconds) / 60)}`),
  run,
}

async function run({ pid, seconds }: Target): Promise<AttackReport> {
  for (const part of PARTS) {
    process.kill(pid, 'SIGSTOP')
    try {
      await sleep(part * seconds * 1000)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await sleep(RECOVERY * seconds * 1000)
  }
  return {
    done: `stopped for ${PARTS.map(part => `${Math.round(part * seconds)} s`).join(' and ')}`,
    violations: [],
  }
}
