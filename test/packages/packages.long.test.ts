/** The packages as they would be published: what they export can be found by every kind of user, and the client is small. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { publint } from 'publint'
import { describe, expect, it } from 'vitest'
import { Ringcast } from '../support/ringcast-process.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** How each may be found: Node 20.20 can require ES modules, so the gateway and the hooks have no CommonJS of their own. */
const PACKAGES = [
  { folder: 'packages/client', accepted: ['node10'] },
  { folder: 'packages/react', accepted: ['node10', 'node16-cjs'] },
  { folder: '.', accepted: ['node10', 'node16-cjs'] },
]
const INSTALL_TIMEOUT_MS = 180_000
// The test runner would take the sources of this package, for development.
const types = (await import(
  new URL('../../../node_modules/@arethetypeswrong/core/dist/index.js', import.meta.url).href
)) as typeof import('@arethetypeswrong/core')
const CLIENT_BYTES_MAX = 8 * 1024

/** Packs it as it is built. @returns the path of the tarball */
async function pack(folder: string, target: string): Promise<string> {
  const command = ['pack', '--json', '--ignore-scripts', '--pack-destination', target]
  const { stdout } = await promisify(execFile)('npm', command, { cwd: join(ROOT, folder) })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  return join(target, filename)
}

describe.each(PACKAGES)('$folder', ({ accepted, folder }) => {
  it('has a manifest that publint accepts', async () => {
    const { messages } = await publint({ pkgDir: join(ROOT, folder), strict: true })
    expect(messages).toEqual([])
  })

  it('has types wherever it can be loaded', async () => {
    const target = mkdtempSync(join(tmpdir(), 'ringcast-pack-'))
    try {
      const tarball = new Uint8Array(readFileSync(await pack(folder, target)))
      const result = await types.checkPackage(types.createPackageFromTarballData(tarball), {
        excludeEntrypoints: [/\.proto$/],
      })
      const problems = result.types === false ? ['no types'] : result.problems
      // Node 10 knows no "exports". Node 20 is the oldest that is supported.
      expect(
        problems.filter(
          each =>
            typeof each === 'string' ||
            !('resolutionKind' in each && accepted.includes(each.resolutionKind as string)),
        ),
      ).toEqual([])
    } finally {
      rmSync(target, { recursive: true })
    }
  })
})

it(`the client for pages has less than ${CLIENT_BYTES_MAX} bytes, compressed`, () => {
  const bytes = readFileSync(join(ROOT, 'packages/client/dist/ringcast-client.js'))
  expect(gzipSync(bytes, { level: 9 }).length).toBeLessThan(CLIENT_BYTES_MAX)
})

it(
  'the command runs from the package as a user installs it, with our client in it',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ringcast-install-'))
    try {
      writeFileSync(join(folder, 'package.json'), '{ "private": true }')
      const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline']
      await promisify(execFile)('npm', [...install, await pack('.', folder)], { cwd: folder })
      const run = (...words: string[]) =>
        promisify(execFile)('npx', ['--no-install', 'ringcast', ...words], { cwd: folder })
      const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
      expect((await run('--version')).stdout).toBe(`${version}\n`)
      const gateway = new Ringcast([], { main: join(folder, 'node_modules/ringcast/dist/src/main.js') })
      try {
        const { webSocketUrl } = await gateway.streaming()
        const { stderr, stdout } = await run('tail', '*', '--count=3', `--url=${webSocketUrl}`)
        expect(stdout.trim().split('\n')).toHaveLength(3)
        expect(stderr).toContain('-- live')
      } finally {
        await gateway.kill('SIGKILL')
      }
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
  INSTALL_TIMEOUT_MS,
)
