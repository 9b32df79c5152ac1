/**
 * A process that is stopped, or too busy to listen, for longer than its clients may be silent: what they said meanwhile counts.
 */
import { afterEach, beforeEach, it } from 'vitest'
import type { HandlerOptions } from '../../src/config/config.js'
import { FULL_SIZE } from '../support/handler-server.js'
import { PausedProcess } from '../support/paused-process.js'

/** Long enough for a busy machine, and shorter than the pause. */
const TIMEOUTS: Partial<HandlerOptions> = {
  pingIntervalMs: 250,
  pongTimeoutMs: 4000,
  readTimeoutMs: 6000,
  writeTimeoutMs: 4000,
  closeTimeoutMs: 4000,
  laneHangTimeoutMs: 4000,
}
const PAUSE_MS = 8000

let paused: PausedProcess

beforeEach(() => {
  paused = new PausedProcess()
})

afterEach(() => paused.kill())

it.each(['is stopped', 'is busy'] as const)('ends no client, and replaces no lane, when it %s', async how => {
  await paused.expectHarmless(how, PAUSE_MS, { ...FULL_SIZE, ...TIMEOUTS })
})
