import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogLevel, ProcessLog } from '../../src/common/log.js'
import { createProcessLog } from '../../src/common/process-log.js'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringcast-log-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** The lines in the file when `write` has returned. */
function linesOf(level: LogLevel, write: (log: ProcessLog) => void): Record<string, unknown>[] {
  const path = join(folder, 'log')
  const fd = openSync(path, 'w')
  try {
    write(createProcessLog(level, {}, fd))
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as Record<string, unknown>)
  } finally {
    closeSync(fd)
  }
}

describe('createProcessLog', () => {
  it('writes a line of JSON before the call returns', () => {
    const [line, ...rest] = linesOf('info', log => log.info({ clients: 3 }, 'streaming'))
    expect(rest).toEqual([])
    expect(line).toEqual({ level: 'info', time: expect.any(String), clients: 3, msg: 'streaming' })
    expect(Math.abs(Date.parse(String(line!.time)) - Date.now())).toBeLessThan(60_000)
  })

  it('leaves out lines below its level', () => {
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
    expect(JSON.stringify(line!.err)).toContain('process-log.test')
  })
})
