import { expect, it } from 'vitest'
import { openAdminAccess } from '../../src/app/admin-access.js'
import { type Machine, startDetails, startWarnings } from '../../src/app/start-report.js'
import { silentLog } from '../../src/common/log.js'
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
  expect(startDetails(configOf(['--pool-size=2', '--max-clients=500']), 400)).toMatchObject({
    lanes: 2,
    maxClients: 400,
    memoryMiB: expect.any(Number),
  })
})

it.each([
  ['more lanes than processors', ['--pool-size=5'], /^5 lanes share 4 processors.*RINGCAST_POOL_SIZE/],
  ['those of several processes', ['--processes=3', '--pool-size=2'], /^6 lanes share 4 processors/],
  [
    'clients that nobody checks',
    ['--host=0.0.0.0'],
    /not authenticated.*RINGCAST_AUTH=jwt.*RINGCAST_HOST=127.0.0.1/,
  ],
  [
    'rings that do not fit',
    ['--frame-ring-bytes=1gib', '--tick-log-bytes=1gib', '--pool-size=4'],
    /rings take most/,
  ],
])('warns of %s', (_, argv, message) => {
  const machine = { ...MACHINE, memoryBytes: 5 * 2 ** 30 }
  expect(warningsOf(argv, machine)).toEqual([expect.stringMatching(message)])
})

it.each([
  [[], true],
  [['--host=::'], true],
  [['--host=gateway.example'], true],
  [['--host=127.0.0.1'], false],
  [['--host=::1'], false],
  [['--host=localhost'], false],
  [['--auth=jwt', '--auth-jwks=keys.json'], false],
  [['--tls-cert=a', '--tls-key=b', '--tls-client-ca=c'], false],
])('warns with %j that everybody gets every tick: %s', (argv, warns) => {
  expect(warningsOf(['--host=0.0.0.0', ...argv])).toHaveLength(warns ? 1 : 0)
})

it.each([
  [[], false],
  [['--admin-host=0.0.0.0'], true],
])('warns with %j that the admin port needs a token: %s', async (argv, warns) => {
  const lines: string[] = []
  const log = { ...silentLog, warn: (_: object, message: string) => lines.push(message) }
  const access = await openAdminAccess(configOf(argv), log)
  access.close()
  expect(lines.length).toBe(warns ? 1 : 0)
})

it('warns once, with all processes together', () => {
  expect(warningsOf(['--host=0.0.0.0', '--processes=2', '--pool-size=1'])).toHaveLength(1)
})
