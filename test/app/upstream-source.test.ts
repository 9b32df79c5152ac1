import { expect, it } from 'vitest'
import { upstreamSource } from '../../src/app/upstream-source.js'
import { silentLog } from '../../src/common/log.js'
import { parseConfig } from '../../src/config/config.js'
import type { GrpcHistoryOptions } from '../../src/sources/grpc/grpc-history.js'

function historyOf(argv: string[], targets: string[]): readonly string[] | undefined {
  const parsed = parseConfig({ env: {}, argv, availableParallelism: 4 })
  if (parsed.command !== 'serve') throw new Error(`expected serve, got ${parsed.command}`)
  const options = { config: parsed.config, targets, call: {}, method: undefined, log: silentLog }
  const origin = upstreamSource(options).history?.()
  return (origin?.options as GrpcHistoryOptions | undefined)?.targets.map(({ target }) => target)
}

it.each([
  [['--upstream=a:1'], ['a:1']],
  [['--upstream=a:1,b:1'], ['a:1', 'b:1']],
  [
    ['--upstream=a:1,b:1', '--upstream-mode=both'],
    ['a:1', 'b:1'],
  ],
])('old ticks are asked for at each endpoint: %s', (argv, targets) => {
  expect(historyOf(argv, targets)).toEqual(targets)
})

it('the embedded feed is not asked for old ticks, nor is a feed of some symbols', () => {
  expect(historyOf([], ['localhost:1'])).toBeUndefined()
  expect(historyOf(['--upstream=a:1', '--upstream-symbols=A'], ['a:1'])).toBeUndefined()
})
