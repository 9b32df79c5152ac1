import { expect, it } from 'vitest'
import { hasDemoPage, sourceSettings } from '../../src/app/feed-settings.js'
import { type Config, parseConfig } from '../../src/config/config.js'

function config(argv: string[]): Config {
  const parsed = parseConfig({ env: {}, argv, availableParallelism: 4 })
  if (parsed.command !== 'serve') throw new Error(`expected serve, got ${parsed.command}`)
  return parsed.config
}

it('sets the stall timeout for an upstream only: the embedded feed may be silent', () => {
  const stall = '--upstream-stall-timeout-ms=5000'
  expect(sourceSettings(config(['--upstream=a:1', stall]), 'a:1', undefined).stallTimeoutMs).toBe(5000)
  expect(sourceSettings(config(['--upstream=a:1']), 'a:1', undefined).stallTimeoutMs).toBe(0)
  expect(sourceSettings(config([stall]), 'localhost:1', undefined).stallTimeoutMs).toBe(0)
})

it('lets a proxy of the environment be used for an upstream only', () => {
  expect(sourceSettings(config(['--upstream=a:1']), 'a:1', undefined).proxy).toBe(true)
  expect(sourceSettings(config(['--upstream=a:1', '--no-upstream-proxy']), 'a:1', undefined).proxy).toBe(
    false,
  )
  expect(sourceSettings(config([]), 'localhost:1', undefined).proxy).toBe(false)
})

it.each([
  [[], true],
  [['--feed-replay=a.csv'], true],
  [['--upstream=a:1'], false],
  [['--nats=nats://a:1'], false],
  [['--upstream=a:1', '--demo=true'], true],
  [['--demo=false'], false],
])(
  'a public page is served only where it was asked for, or where ticks are synthetic: %s',
  (argv, isServed) => {
    expect(hasDemoPage(config(argv))).toBe(isServed)
  },
)
