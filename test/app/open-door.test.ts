import { describe, expect, it } from 'vitest'
import { openAdminAccess } from '../../src/app/admin-access.js'
import { warnOfOpenDoor } from '../../src/app/open-door.js'
import { silentLog } from '../../src/common/log.js'
import { type Config, parseConfig } from '../../src/config/config.js'

function configOf(...argv: string[]): Config {
  const parsed = parseConfig({ env: {}, argv, availableParallelism: 1 })
  if (!('config' in parsed)) throw new Error('no config')
  return parsed.config
}

describe('a gateway that others can reach', () => {
  const JWT = ['--auth=jwt', '--auth-jwks=keys.json']
  const CA = ['--tls-cert=a', '--tls-key=b', '--tls-client-ca=c']

  it.each([
    [[], true],
    [['--host=::'], true],
    [['--host=gateway.example'], true],
    [['--host=127.0.0.1'], false],
    [['--host=::1'], false],
    [['--host=localhost'], false],
    [JWT, false],
    [CA, false],
  ])('with %j warns that everybody gets every tick: %s', (argv, warns) => {
    const lines: string[] = []
    warnOfOpenDoor(configOf(...argv), { ...silentLog, warn: (_, message) => lines.push(message) })
    expect(lines.length).toBe(warns ? 1 : 0)
    if (warns) expect(lines[0]).toContain('RINGCAST_AUTH=jwt')
  })

  it.each([
    [[], false],
    [['--admin-host=0.0.0.0'], true],
  ])('with %j warns that its admin port needs a token: %s', async (argv, warns) => {
    const lines: string[] = []
    const log = { ...silentLog, warn: (_: object, message: string) => lines.push(message) }
    const access = await openAdminAccess(configOf(...argv), log)
    access.close()
    expect(lines.length).toBe(warns ? 1 : 0)
  })
})
