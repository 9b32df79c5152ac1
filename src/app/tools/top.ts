/**
 * `ringcast top`: shows what a gateway does, again and again, until it is ended. Main thread.
 */
import { systemClock } from '../../common/clock.js'
import { RingcastError } from '../../common/errors.js'
import type { TopConfig } from '../../config/config.js'
import { AdminReader } from './admin-reader.js'
import { readToken } from './tool-file.js'
import type { ToolHost } from './tool-host.js'
import { TopKeys } from './top-keys.js'
import { type TimedLook, type TopNumbers, topNumbers } from './top-numbers.js'
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
  const { adminHost, adminPort: port, adminTokenFile, interval, json, once, rows } = config
  const token = adminTokenFile === undefined ? undefined : readToken('--admin-token-file', adminTokenFile)
  const reader = new AdminReader({ host: adminHost, port, token })
  const look = async (): Promise<TimedLook> => ({
    look: await reader.look(keys.sort, rows),
    atMs: systemClock.nowMs(),
  })
  const isScreen = host.isTerminal && !once && !json
  const keys = new TopKeys(config.sort, host.signal, isScreen ? host : undefined)
  let hasEntered = false
  try {
    let before = await look()
    if (isScreen) host.out(ENTER_SCREEN)
    hasEntered = true
    let numbers: TopNumbers | undefined
    let dueMs = before.atMs + interval
    for (;;) {
      const why = await keys.pause(dueMs - systemClock.nowMs())
      if (why === 'quit') return 0
      try {
        if (why === 'time') {
          dueMs = systemClock.nowMs() + interval
          const now = await look()
          numbers = topNumbers(before, now, Date.now())
          before = now
        } else if (numbers !== undefined) {
          // The rates stay those of a whole interval.
          numbers = { ...numbers, slowest: await reader.clients(keys.sort, rows) }
        }
      } catch (error) {
        if (once) throw error
        const message = messageOf(error)
        if (isScreen) host.out(screen([message], host.size().rows))
        else host.err(`${message}\n`)
        continue
      }
      if (numbers === undefined) continue
      if (json) host.out(`${JSON.stringify(numbers)}\n`)
      else host.out(asText(numbers))
      if (once) return 0
    }
  } catch (error) {
    if (host.signal.aborted) return 0
    host.err(`${messageOf(error)}\n`)
    return 1
  } finally {
    keys.stop()
    if (isScreen && hasEntered) host.out(LEAVE_SCREEN)
  }

  function asText(numbers: TopNumbers): string {
    // A pipe has no columns, so nothing is cut.
    const columns = host.isTerminal ? host.size().columns : Number.POSITIVE_INFINITY
    const { hasColours } = host
    const lines = topLines(numbers, {
      url: reader.url,
      hasColours,
      columns,
      sort: keys.sort,
      hasKeys: isScreen,
    })
    return isScreen ? screen(lines, host.size().rows) : `${lines.join('\n')}\n${once ? '' : '\n'}`
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
