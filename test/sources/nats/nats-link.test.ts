import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/common/clock.js'
import { NatsLink } from '../../../src/sources/nats/nats-link.js'
import type { NatsOptions } from '../../../src/sources/nats/nats-options.js'
import { serverUrls } from '../../../src/sources/nats/server-urls.js'
import { CertificateAuthority } from '../../support/certificates.js'
import { NatsServer, noNatsServer } from '../../support/nats-server.js'

describe('serverUrls', () => {
  it.each([
    ['nats://a', { servers: ['a:4222'], isTls: false }],
    ['tls://[::1]:1', { servers: ['[::1]:1'], isTls: true }],
    ['nats://u:p%40%3A@a:1', { servers: ['a:1'], isTls: false, user: 'u', pass: 'p@:' }],
    ['nats://s3cret@a', { servers: ['a:4222'], isTls: false, token: 's3cret' }],
  ])('reads %s', (url, parts) => {
    expect(serverUrls([url])).toEqual(parts)
  })
})

describe.skipIf(noNatsServer !== undefined)('NatsLink', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-link-'))
  let server: NatsServer | undefined
  let link: NatsLink | undefined

  afterEach(async () => {
    await link?.stop()
    await server?.stop()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  /** "up", or why there is no connection. @param onUp called when there is one */
  function firstWord(options: Partial<NatsOptions>, onUp: () => void = () => {}): Promise<string> {
    return new Promise(resolve => {
      link = new NatsLink(
        {
          servers: [server!.url],
          stream: 'ringcast',
          name: 'test',
          clock: systemClock,
          log: { info: () => {}, warn: () => {} },
          ...options,
        },
        {
          up: () => {
            resolve('up')
            onUp()
          },
          down: resolve,
        },
      )
      link.start()
    })
  }

  it('shows the name and the password of its URL', async () => {
    server = new NatsServer(['--user', 'u', '--pass', 'p@:'])
    await server.start()
    expect(await firstWord({})).toMatch(/authorization violation/i)
    await link!.stop()
    expect(await firstWord({ servers: [server.url.replace('//', '//u:p%40%3A@')] })).toBe('up')
  })

  it('trusts the certificates that it is given, and shows its own', async () => {
    const authority = new CertificateAuthority(folder)
    const { certPath, keyPath } = authority.issue('localhost')
    const { cert, key } = authority.issue('gateway')
    const ca = authority.ca.cert.toString()
    const files = ['--tlscert', certPath, '--tlskey', keyPath, '--tlscacert', authority.ca.certPath]
    server = new NatsServer(['--tlsverify', ...files])
    await server.start()
    const servers = [server.url.replace('127.0.0.1', 'localhost')]
    const own = { cert: cert.toString(), key: key.toString() }
    expect(await firstWord({ servers, tls: own })).toMatch(/certificate/i)
    await link!.stop()
    expect(await firstWord({ servers, tls: { ca, ...own } })).toBe('up')
  })

  it('refuses a server without TLS where TLS is wanted', async () => {
    server = new NatsServer()
    await server.start()
    expect(await firstWord({ servers: [server.url.replace('nats:', 'tls:')] })).toMatch(
      /does not support 'tls'/,
    )
  })

  it('finds a server that comes later', async () => {
    server = new NatsServer()
    await server.start()
    await server.kill()
    let isUp: () => void = () => {}
    const up = new Promise<void>(resolve => {
      isUp = resolve
    })
    expect(await firstWord({}, isUp)).toMatch(/refused/i)
    await server.start()
    await up
  })
})
