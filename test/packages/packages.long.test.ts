/** The packages as they would be published: what they export can be found by every kind of user, and the client is small. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { publint } from 'publint'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** The ways to find types that each supports. Node 10 knows no "exports", and is long gone. */
const PACKAGES: readonly (readonly [string, readonly string[]])[] = [
  ['packages/client', ['node16-cjs', 'node16-esm', 'bundler']],
  ['packages/react', ['node16-esm', 'bundler']],
]
// The test runner would take the sources of this package, for development.
const types = (await import(
  new URL('../../../node_modules/@arethetypeswrong/core/dist/index.js', import.meta.url).href
)) as typeof import('@arethetypeswrong/core')
const CLIENT_BYTES_MAX = 8 * 1024

describe.each(PACKAGES)('%s', (folder, kinds) => {
  it('has a manifest that publint accepts', async () => {
    const { messages } = await publint({ pkgDir: join(ROOT, folder), strict: true })
    expect(messages).toEqual([])
  })

  it('has types wherever it can be loaded', async () => {
    const target = mkdtempSync(join(tmpdir(), 'ringcast-pack-'))
    try {
      const command = ['pack', '--json', '--ignore-scripts', '--pack-destination', target]
      const { stdout } = await promisify(execFile)('npm', command, { cwd: join(ROOT, folder) })
      const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
      const tarball = new Uint8Array(readFileSync(join(target, filename)))
      const result = await types.checkPackage(types.createPackageFromTarballData(tarball))
      const problems = result.types === false ? [{ kind: 'no types' }] : result.problems
      const own = problems.filter(
        each => !('resolutionKind' in each) || kinds.includes(String(each.resolutionKind)),
      )
      expect(own).toEqual([])
    } finally {
      rmSync(target, { recursive: true })
    }
  })
})

it(`the client for pages has less than ${CLIENT_BYTES_MAX} bytes, compressed`, () => {
  const bytes = readFileSync(join(ROOT, 'packages/client/dist/ringcast-client.js'))
  expect(gzipSync(bytes, { level: 9 }).length).toBeLessThan(CLIENT_BYTES_MAX)
})
