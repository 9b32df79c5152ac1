// Builds the pages into dist/pages/ of the gateway: one script and one style sheet each, minified, with nothing to load
// from elsewhere.
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
execFileSync(process.execPath, [compiler, '-p', join(here, 'tsconfig.json')], { stdio: 'inherit' })

for (const page of ['dashboard', 'demo']) {
  const target = join(here, '../../dist/pages', page)
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target, { recursive: true })
  await build({
    entryPoints: [join(here, 'src', page, 'main.ts'), join(here, 'src', page, 'style.css')],
    outdir: target,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome123', 'firefox121', 'safari17.5'],
    legalComments: 'none',
  })
  copyFileSync(join(here, 'src', page, 'index.html'), join(target, 'index.html'))
}
