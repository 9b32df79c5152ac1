import { expect, it } from 'vitest'
import { type Machine, startDetails, startWarnings } from '../../src/app/start-report.js'
import { parseConfig } from '../../src/config/config.js'

const MACHINE: Machine = { processors: 4, memoryBytes: 8 * 2 ** 30 }

function warningsOf(argv: readonly string[], machine = MACHINE): string[] {
  return startWarnings(configOf(argv), machine).map(({ message }) => message)
}

function configOf(argv: readonly string[]) {
  const parsed = parseConfig({ env: {}, argv: ['--host=127.0.0.1', ...argv], availableParallelism: 2 })
  if (parsed.command !== 'serve') throw new Error('serve was expected')
  return parsed.config
}

it('warns of nothing when there is nothing to warn of', () => {
  expect(warningsOf([])).toEqual([])
  expect(warningsOf(['--host=::1'])).toEqual([])
  expect(startDetails(configOf(['--pool-size=2', '--max-clients=500']))).toMatchObject({
    lanes: 2,
    maxClients: 500,
    memoryMiB: expect.any(Number),
  })
})

it.each([
  ['more lanes than processors', ['--pool-size=5'], /^5 lanes share 4 processors.*RINGCAST_POOL_SIZE/],
  ['those of several processes', ['--processes=3', '--pool-size=2'], /^6 lanes share 4 processors/],
  ['clients that nobody checks', ['--host=0.0.0.0'], /not authenticated.*RINGCAST_HOST=127.0.0.1/],
  ['an admin port for everybody', ['--admin-host=::'], /admin port.*RINGCAST_ADMIN_HOST/],
  [
    'rings that do not fit',
    ['--frame-ring-bytes=1gib', '--tick-log-bytes=1gib', '--pool-size=4'],
    /rings take most/,
  ],
])('warns of %s', (_, argv, message) => {
  const machine = { ...MACHINE, memoryBytes: 5 * 2 ** 30 }
  expect(warningsOf(argv, machine)).toEqual([expect.stringMatching(message)])
})

it('does not warn where the certificate of a client is checked', () => {
  const tls = ['--tls-cert=a', '--tls-key=b', '--tls-client-ca=c']
  expect(warningsOf(['--host=::', ...tls])).toEqual([])
})
