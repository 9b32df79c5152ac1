import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LogLevel, ProcessLog } from '../../src/common/log.js'
import { createProcessLog, type ProcessLogOptions } from '../../src/common/process-log.js'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringcast-log-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** What is in the file when `write` has returned. */
function written(options: Omit<ProcessLogOptions, 'fd'>, write: (log: ProcessLog) => void): string {
  const path = join(folder, 'log')
  const fd = openSync(path, 'w')
  try {
    write(createProcessLog({ ...options, fd }))
    return readFileSync(path, 'utf8')
  } finally {
    closeSync(fd)
  }
}

function linesOf(level: LogLevel, write: (log: ProcessLog) => void): Record<string, unknown>[] {
  return written({ level, form: 'json' }, write)
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>)
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

  it('writes text for people: time, level, message and what belongs to it', () => {
    const text = written({ level: 'info', form: 'text', details: { process: 2 } }, log =>
      log.warn({ client: 'k3-1', user: null, why: 'two words', ticks: 12 }, 'a client was ended'),
    )
    expect(text).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} WARN {2}a client was ended {2}process=2 {2}client=k3-1 {2}why="two words" {2}ticks=12\n$/,
    )
  })

  it('colours the level on a terminal only', () => {
    const write = (log: ProcessLog) => log.error({}, 'lost')
    expect(written({ level: 'info', form: 'text', hasColours: true }, write)).toContain(
      '\x1b[31mERROR\x1b[39m',
    )
    expect(written({ level: 'info', form: 'text' }, write)).not.toContain('\x1b')
  })

  it.each(['json', 'text'] as const)('writes one line whatever is in it: %s', form => {
    const wild = 'x\n12:00:00.000 ERROR forged\r\u2028\u0085\x1b[2J'
    const text = written({ level: 'info', form }, log => log.info({ [wild]: wild, nested: { wild } }, wild))
    expect(text.trimEnd().split('\n')).toHaveLength(1)
    // A reader of JSON sees the escapes; a terminal would obey these characters.
    if (form === 'text') for (const hidden of '\r\u2028\u0085\x1b') expect(text).not.toContain(hidden)
  })

  it('indents the stack of an error, and forges no line from its message', () => {
    const text = written({ level: 'info', form: 'text' }, log =>
      log.error({ err: new Error('a\n12:00:00.000 ERROR forged') }, 'failed'),
    )
    const [first, ...rest] = text.trimEnd().split('\n')
    expect(first).toContain('ERROR failed')
    expect(rest.every(line => line.startsWith('    '))).toBe(true)
  })
})
