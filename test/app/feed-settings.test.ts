import { expect, it } from 'vitest'
import { sourceSettings } from '../../src/app/feed-settings.js'
import { type Config, parseConfig } from '../../src/config/config.js'

function config(argv: string[]): Config {
  const parsed = parseConfig({ env: {}, argv, availableParallelism: 4 })
  if (parsed.command !== 'serve') throw new Error(`expected serve, got ${parsed.command}`)
  return parsed.config
}

it('sets the stall timeout for an upstream only: the embedded feed may be silent', () => {
  const stall = '--upstream-stall-timeout-ms=5000'
  expect(sourceSettings(config(['--upstream=a:1', stall]), 'a:1', undefined).stallTimeoutMs).toBe(5000)
  expect(sourceSettings(config(['--upstream=a:1']), 'a:1', undefined).stallTimeoutMs).toBe(30_000)
  expect(sourceSettings(config([stall]), 'localhost:1', undefined).stallTimeoutMs).toBe(0)
})
