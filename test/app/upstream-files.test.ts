import { afterAll, describe, expect, it } from 'vitest'
import { readUpstreamFiles } from '../../src/app/upstream-files.js'
import { type Config, parseConfig } from '../../src/config/config.js'
import { TestFolder } from '../support/acme-proto.js'
import { CertificateAuthority } from '../support/certificates.js'

const folder = new TestFolder()
afterAll(() => folder.remove())

function config(...argv: string[]): Config {
  const parsed = parseConfig({ env: {}, argv: ['--upstream=a:1', ...argv], availableParallelism: 1 })
  if (!('config' in parsed)) throw new Error(parsed.command)
  return parsed.config
}

/** The error of a read, without the name of the folder. */
async function faultOf(...argv: string[]): Promise<string> {
  const error = await readUpstreamFiles(config(...argv)).catch((reason: unknown) => reason as Error)
  expect(error).toMatchObject({ code: 'config_invalid' })
  return (error as Error).message.replaceAll(folder.path, '.')
}

describe('metadata', () => {
  it('comes from the setting, or from the lines of a file', async () => {
    const path = folder.write('metadata', 'authorization=Bearer a,b=c\n\n X-Trace = 1\n'.replace(' = ', '='))
    expect((await readUpstreamFiles(config())).metadata).toEqual({})
    const given = await readUpstreamFiles(config('--upstream-metadata=a=1,B=x=y'))
    expect(given.metadata).toEqual({ a: '1', b: 'x=y' })
    const read = await readUpstreamFiles(config(`--upstream-metadata=@${path}`))
    expect(read.metadata).toEqual({ authorization: 'Bearer a,b=c', 'x-trace': '1' })
  })

  it('is refused when the file cannot be read or holds something else, whose text is not shown', async () => {
    const path = folder.write('token', 'secret')
    expect(await faultOf(`--upstream-metadata=@${path}`)).toBe(
      'RINGCAST_UPSTREAM_METADATA=@./token: the file must hold one key=value a line',
    )
    expect(await faultOf(`--upstream-metadata=@${folder.path}/none`)).toBe(
      'RINGCAST_UPSTREAM_METADATA=@./none: must be a file that can be read',
    )
  })
})

describe('the request', () => {
  const foreign = ['--upstream-method=a.B/C', '--tick-symbol=symbol']

  it('comes from the setting, or from a file', async () => {
    const path = folder.write('request.json', '{ "symbols": ["A"] }')
    expect((await readUpstreamFiles(config())).request).toBeUndefined()
    for (const text of ['{"symbols":["A"]}', `@${path}`]) {
      const { request } = await readUpstreamFiles(config(...foreign, `--upstream-request=${text}`))
      expect(request).toEqual({ symbols: ['A'] })
    }
  })

  it.each(['[]', '{', ''])('is refused when its file holds %j', async text => {
    const path = folder.write('request.json', text)
    expect(await faultOf(...foreign, `--upstream-request=@${path}`)).toBe(
      'RINGCAST_UPSTREAM_REQUEST=@./request.json: the file must hold a JSON object',
    )
  })
})

describe('TLS', () => {
  it('has the files and the name of the settings', async () => {
    const { ca } = new CertificateAuthority(folder.path)
    const { tls } = await readUpstreamFiles(
      config(
        '--upstream-tls',
        `--upstream-tls-ca=${ca.certPath}`,
        `--upstream-tls-cert=${ca.certPath}`,
        `--upstream-tls-key=${ca.keyPath}`,
        '--upstream-tls-server-name=feed.example',
      ),
    )
    expect(tls).toEqual({ ca: ca.cert, cert: ca.cert, key: ca.key, serverName: 'feed.example' })
    expect((await readUpstreamFiles(config())).tls).toBe(false)
  })

  it('is refused when a file is no PEM, before a call is made', async () => {
    const path = folder.write('none.pem', 'nothing')
    expect(
      await faultOf('--upstream-tls', `--upstream-tls-cert=${path}`, `--upstream-tls-key=${path}`),
    ).toMatch(
      /^RINGCAST_UPSTREAM_TLS_CERT, RINGCAST_UPSTREAM_TLS_KEY: must be PEM, and the key must be that of the certificate: /,
    )
    expect(await faultOf('--upstream-tls', `--upstream-tls-ca=${folder.path}/none`)).toBe(
      'RINGCAST_UPSTREAM_TLS_CA=./none: must be a file that can be read',
    )
  })
})
