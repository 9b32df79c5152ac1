/**
 * Runs a server with real-time priority, so that it does not wait for a core that other processes use.
 */
import { spawnSync } from 'node:child_process'
import type { Runtime } from './child.js'
import { NotPossible } from './not-possible.js'
/** @throws NotPossible when the system forbids it, or does not support it */
export function inRealTime({ executable = process.execPath, options = [] }: Runtime): Runtime {
  const [command, ...priority] = ['chrt', '--fifo', '1'] as const
  if (spawnSync(command, [...priority, 'true']).status !== 0)
    throw new NotPossible('real-time priority (chrt --fifo 1) is not to be had')
  return { executable: command, options: [...priority, executable, ...options] }
}
