import { describe, expect, it } from 'vitest'
import { RingcastError } from '../../src/common/errors.js'
import { COMMAND_NAMES, COMMANDS, SERVICES } from '../../src/config/commands.js'
import { parseConfig } from '../../src/config/config.js'
import { configSettings } from '../../src/config/settings.js'
import { shownConfigText } from '../../src/config/shown-config.js'

const parse = (argv: string[], env: Record<string, string> = {}) =>
  parseConfig({ env, argv, availableParallelism: 4 })

function problemsOf(argv: string[], env?: Record<string, string>): string[] {
  try {
    parse(argv, env)
  } catch (error) {
    if (error instanceof RingcastError) return error.message.split('\n')
    throw error
  }
  return []
}

function helpOf(argv: string[]): string {
  const parsed = parse(argv)
  if (parsed.command !== 'help') throw new Error(parsed.command)
  return parsed.text
}

/** The flags that a help lists. */
function flagsIn(help: string): string[] {
  return [...help.matchAll(/^ {2}--(?:\[no-\])?([a-z-]+) /gm)].map(([, name]) => name!)
}

describe('--help', () => {
  it('without a command lists the commands, and the flags of the gateway', () => {
    const text = helpOf(['--help'])
    for (const name of COMMAND_NAMES) expect(text).toContain(`\n  ${name} `)
    expect(flagsIn(text)).toEqual(flagsIn(helpOf(['serve', '--help'])))
  })

  it.each(COMMAND_NAMES)('of %s fits into a terminal, tells the exit codes, and asks for nothing', name => {
    const text = helpOf([name, '--help'])
    expect(text).toContain(`Usage: ringcast ${name} `)
    expect(text).toContain('Exit codes: 0 ')
    expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThanOrEqual(130)
    expect(parse([name, '--version'])).toEqual({ command: 'version' })
  })

  it.each(SERVICES)('of %s lists the flags that it takes, and no other', service => {
    const listed = new Set(flagsIn(helpOf([service, '--help'])))
    const refused = /: has no effect (on ringcast|without the command|beside)/
    const base = service === 'relay' ? ['--nats=nats://a', '--upstream=a:1'] : []
    for (const key of Object.keys(configSettings)) {
      const flag = key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
      // The value may be wrong: here it is told only whether the command takes the flag at all.
      const lines = problemsOf([service, ...base, `--${flag}=1`]).filter(line =>
        line.startsWith(`--${flag}=`),
      )
      expect([flag, lines.some(line => refused.test(line))]).toEqual([flag, !listed.has(flag)])
    }
  })

  it('names no flag twice', () => {
    for (const { name } of COMMANDS) {
      const flags = flagsIn(helpOf([name, '--help']))
      expect(new Set(flags).size).toBe(flags.length)
    }
  })
})

describe('a command line', () => {
  it.each<[string[], string[]]>([
    [
      ['tial', 'A'],
      ['tial: unknown; did you mean tail?', 'A: only one command at a time'],
    ],
    [['compl'], ['compl: unknown; did you mean completion?']],
    [['--port=1', 'top'], ['top: must be the first word']],
    [['tail'], ['symbol: must be given, such as BTCUSDT, BTC* or *']],
    [['tail', 'x'.repeat(65)], [`${'x'.repeat(65)}: must be a symbol of 1 to 64 bytes`]],
    [['tail', 'A', '--jsn'], ['--jsn: unknown; did you mean --json?']],
    [
      ['tail', 'A', '--interval=5'],
      ['--interval: has no effect without --delivery=latest: set both or none'],
    ],
    [['tail', 'A', '--since=-5m', '--resume=a:1'], ['--since: excludes --resume: leave one of them out']],
    [
      ['tail', 'A', '--since=yesterday'],
      ['--since=yesterday: must be a time such as -15m or 2026-01-31T09:30:00Z'],
    ],
    [
      ['load', '--url=http://a'],
      ['--url=http://a: must be a URL such as wss://ticks.example/ws/ticks, without parameters'],
    ],
    [['load', 'A'], ['A: takes no such word']],
    [['completion', 'fihs'], ['fihs: unknown; did you mean fish?']],
    [['completion'], ['shell: must be given: bash, zsh, fish']],
    [['config', 'top'], ['top: must be the first word']],
    [['config', '--port=x'], ['--port=x: must be a whole number from 0 to 65535']],
    [
      ['probe', 'a:1', '--sample-timeout-ms=5'],
      ['--sample-timeout-ms: has no effect without --sample: set both or none'],
    ],
  ])('%j is refused', (argv, lines) => {
    expect(problemsOf(argv)).toEqual(lines)
  })

  it('takes words that begin with a dash behind --', () => {
    expect(parse(['tail', '--json', '--', '-A', 'B', 'B'])).toMatchObject({
      command: 'tail',
      tail: { entries: ['-A', 'B'], json: true },
    })
  })

  it('takes variables where the flag is one of the gateway, and ignores those of others', () => {
    const env = { RINGCAST_ADMIN_PORT: '1234', RINGCAST_PORT: 'wrong', RINGCAST_INTERVAL: '1' }
    expect(parse(['top'], env)).toMatchObject({ command: 'top', top: { adminPort: 1234, interval: 2000 } })
  })
})

describe('ringcast config', () => {
  const ENV = {
    RINGCAST_NATS: 'nats://user:hunter2@a',
    RINGCAST_MAX_CLIENTS: '7',
    RINGCAST_LOG_LEVEL: 'warn',
  }

  function shown(argv: string[]): string {
    const parsed = parse(['config', ...argv], ENV)
    if (parsed.command !== 'config') throw new Error(parsed.command)
    return shownConfigText(parsed.shown)
  }

  it('tells each setting with its origin, and no secret', () => {
    const text = shown(['--port=9', '--log-level='])
    expect(text).toMatch(/^ {2}RINGCAST_PORT +9 +--port$/m)
    expect(text).toMatch(/^ {2}RINGCAST_MAX_CLIENTS +7 +RINGCAST_MAX_CLIENTS$/m)
    expect(text).toMatch(/^ {2}RINGCAST_NATS +… +RINGCAST_NATS$/m)
    expect(text).toMatch(/^ {2}RINGCAST_LOG_LEVEL +info +default$/m)
    expect(text).toMatch(/^ {2}RINGCAST_TICK_LOG_BYTES +64MiB +default$/m)
    expect(text).toMatch(/^ {2}RINGCAST_UPSTREAM +unset +default$/m)
    expect(text).not.toContain('hunter2')
  })

  it('tells the same as JSON, for the command that is named', () => {
    const { command, settings } = JSON.parse(shown(['feed', '--json', '--feed-rate=5'])) as {
      command: string
      settings: { variable: string; value: unknown; origin: string }[]
    }
    expect(command).toBe('feed')
    expect(settings).toContainEqual(
      expect.objectContaining({ variable: 'RINGCAST_FEED_RATE', value: 5, origin: '--feed-rate' }),
    )
    expect(settings.map(({ variable }) => variable)).not.toContain('RINGCAST_PORT')
    expect(JSON.stringify(JSON.parse(shown(['--json'])))).not.toContain('hunter2')
  })
})
