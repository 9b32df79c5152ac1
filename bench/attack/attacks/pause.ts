/**
 * Does: stops the gateway's process, as a suspended virtual machine or a debugger does: for two thirds of the time, and then for more
 * than all of it. With --seconds 60: for 40 s and for 70 s.
 * Must: keep all clients, and lose nothing. All its timeouts are as by default where the attack takes 60 s, and in proportion elsewhere.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Attack, AttackReport, Target } from '../attack.js'

const PARTS = [2 / 3, 7 / 6]
/** For what has piled up. */
const RECOVERY = 1 / 6
/** ms, as by default. */
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
