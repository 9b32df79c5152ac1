import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLog, type ProcessLog } from '../../src/common/log.js'
import type { LogLevel } from '../../src/config/config.js'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringcast-log-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** The lines that are in the file as soon as `write` has returned. */
function linesOf(level: LogLevel, write: (log: ProcessLog) => void): Record<string, unknown>[] {
  const path = join(folder, 'log')
  const fd = openSync(path, 'w')
  try {
    write(createLog(level, fd))
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>)
  } finally {
    closeSync(fd)
  }
}

describe('createLog', () => {
  it('has written a line of JSON when the call returns', () => {
    const [line, ...rest] = linesOf('info', log => log.info({ clients: 3 }, 'streaming'))
    expect(rest).toEqual([])
    expect(line).toEqual({ level: 'info', time: expect.any(String), clients: 3, msg: 'streaming' })
    expect(Math.abs(Date.parse(String(line!.time)) - Date.now())).toBeLessThan(60_000)
  })

  it('leaves out what is less important than its level', () => {
    const writeAll = (log: ProcessLog) => {
      for (const level of ['debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]({}, level)
    }
    expect(linesOf('warn', writeAll).map(line => line.level)).toEqual(['warn', 'error', 'fatal'])
    expect(linesOf('silent', writeAll)).toEqual([])
  })

  it('shows the stack of an error and its cause', () => {
    const err = new Error('outer', { cause: new Error('inner') })
    const [line] = linesOf('info', log => log.error({ err }, 'failed'))
    expect(line!.err).toMatchObject({ type: 'Error', message: expect.stringContaining('inner') })
    expect(JSON.stringify(line!.err)).toContain('log.test')
  })
})
