/**
 * `ringcast top`: shows what a gateway does, again and again, until it is ended. Main thread.
 */
import { setTimeout } from 'node:timers/promises'
import { systemClock } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import type { TopConfig } from '../../config/config.js'
import { AdminReader } from './admin-reader.js'
import { readToken } from './tool-file.js'
import type { ToolHost } from './tool-host.js'
import { type TimedLook, topNumbers } from './top-numbers.js'
import { topLines } from './top-text.js'

/** The other screen of a terminal, which leaves what stood there before. */
const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l'
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l'
const TO_START = '\x1b[H'
const CLEAR_LINE = '\x1b[K'
const CLEAR_BELOW = '\x1b[J'

/**
 * @returns the exit code: 1 when the first look has failed
 * @throws RingcastError `config_invalid` when the file of the token cannot be read
 */
export async function top(config: TopConfig, host: ToolHost): Promise<0 | 1> {
  const { adminHost, adminPort: port, adminTokenFile, interval, json, once, rows, sort } = config
  const token = adminTokenFile === undefined ? undefined : readToken('--admin-token-file', adminTokenFile)
  const reader = new AdminReader({ host: adminHost, port, token })
  const look = async (): Promise<TimedLook> => ({
    look: await reader.look(sort, rows),
    atMs: systemClock.nowMs(),
  })
  let before: TimedLook
  try {
    before = await look()
  } catch (error) {
    host.err(`${messageOf(error)}\n`)
    return 1
  }
  const isScreen = host.isTerminal && !once && !json
  if (isScreen) host.out(ENTER_SCREEN)
  try {
    for (;;) {
      await setTimeout(interval, undefined, { signal: host.signal })
      let now: TimedLook
      try {
        now = await look()
      } catch (error) {
        if (once) {
          host.err(`${messageOf(error)}\n`)
          return 1
        }
        const message = messageOf(error)
        if (isScreen) host.out(screen([message], host.size().rows))
        else host.err(`${message}\n`)
        continue
      }
      const numbers = topNumbers(before, now, Date.now())
      before = now
      if (json) host.out(`${JSON.stringify(numbers)}\n`)
      else {
        // A pipe has no columns, so nothing is cut.
        const columns = host.isTerminal ? host.size().columns : Number.POSITIVE_INFINITY
        const lines = topLines(numbers, { url: reader.url, hasColours: host.hasColours, columns })
        host.out(isScreen ? screen(lines, host.size().rows) : `${lines.join('\n')}\n${once ? '' : '\n'}`)
      }
      if (once) return 0
    }
  } catch (error) {
    if (!host.signal.aborted) throw error
    return 0
  } finally {
    if (isScreen) host.out(LEAVE_SCREEN)
  }
}

function screen(lines: readonly string[], rows: number): string {
  const shown = lines.slice(0, Math.max(1, rows - 1))
  return `${TO_START}${shown.map(line => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`
}

function messageOf(error: unknown): string {
  if (error instanceof RingcastError) return error.message
  throw error
}
