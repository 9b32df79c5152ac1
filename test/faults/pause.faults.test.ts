/**
 * A process with the limits that it has by default, which stands still for longer than any of them.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/config.js'
import { figure } from '../support/figure.js'
import { FULL_SIZE } from '../support/handler-server.js'
import { PausedProcess } from '../support/paused-process.js'

const PAUSE_MS = 70_000

let paused: PausedProcess

beforeEach(() => {
  paused = new PausedProcess()
})

afterEach(() => paused.kill())

it.each(['is stopped', 'is busy'] as const)(
  'a process that stands still for 70 s ends no client, and replaces no lane, when it %s',
  async how => {
    const parsed = parseConfig({ env: {}, argv: [], availableParallelism: 2 })
    if (!('config' in parsed)) throw new Error('the defaults are no config')
    const { laneHangTimeoutMs, readTimeoutMs } = parsed.config
    expect(readTimeoutMs).toBeLessThan(PAUSE_MS)
    await paused.expectHarmless(how, PAUSE_MS, { ...FULL_SIZE, laneHangTimeoutMs })
    figure(`${PAUSE_MS / 1000} s, silent for at most ${readTimeoutMs / 1000} s`)
  },
)
