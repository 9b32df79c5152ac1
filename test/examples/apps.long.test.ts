/** The apps of examples/, each in a process of its own: routes and ticks on one port, and an orderly stop in little time. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterEach, describe, expect, it } from 'vitest'
import { TestClient } from '../support/handler-server.js'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** `onClose` in place of `preClose` takes as long as the clients stay. */
const STOP_MS_MAX = 4_000

let child: ChildProcess | undefined

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  child = undefined
})

/** Starts a server, and stops it with a client that stays until it is sent away. */
async function serve(path: string, route: string | undefined): Promise<void> {
  const process_ = spawn(process.execPath, [path], {
    cwd: ROOT,
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child = process_
  const lines = createInterface({ input: process_.stdout })[Symbol.asyncIterator]()
  const port = /^listening (\d+)$/.exec((await lines.next()).value as string)![1]
  const client = new TestClient(`ws://127.0.0.1:${port}/ws/ticks`, [], {})
  await client.until(() => client.ticks.length >= 2)
  if (route !== undefined) {
    const response = await fetch(`http://127.0.0.1:${port}${route}`)
    expect([response.status, await response.json()]).toEqual([200, { clients: 1 }])
  }
  const startMs = performance.now()
  const exit = once(process_, 'exit')
  process_.kill('SIGTERM')
  expect(await client.untilClosed()).toMatchObject({ code: 1001 })
  expect(client.messages.at(-1)).toMatchObject({ type: 'goodbye' })
  expect((await exit)[0]).toBe(0)
  expect(performance.now() - startMs).toBeLessThan(STOP_MS_MAX)
}

describe('the example', () => {
  it.each(['express', 'fastify'])('%s serves routes and ticks, and stops in order', async name => {
    await serve(join(ROOT, `examples/${name}/server.mjs`), '/healthz')
  })
})

describe('an app that is bundled by esbuild', () => {
  it('runs where ringcast is external, as docs/library.md says', async () => {
    // Inside the package, so that the bundle finds ringcast by name.
    const folder = mkdtempSync(join(ROOT, 'dist/bundle-'))
    try {
      const outfile = join(folder, 'app.mjs')
      await build({
        entryPoints: [join(ROOT, 'examples/express/server.mjs')],
        ...{ bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'silent' },
        external: ['ringcast', 'express'],
      })
      await serve(outfile, '/healthz')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('fails at the start, and not in silence, where ringcast is bundled, too', async () => {
    const folder = mkdtempSync(join(ROOT, 'dist/bundle-'))
    try {
      const entry = join(folder, 'entry.mjs')
      const outfile = join(folder, 'app.mjs')
      writeFileSync(entry, "import { StreamHandler } from 'ringcast'\nnew StreamHandler({ poolSize: 1 })\n")
      const banner = {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      }
      const result = await build({
        entryPoints: [entry],
        ...{ bundle: true, platform: 'node', format: 'esm', outfile, logLevel: 'silent', banner },
      })
      expect(result.errors).toEqual([])
      const started = spawn(process.execPath, [outfile], { stdio: ['ignore', 'ignore', 'pipe'] })
      child = started
      let stderr = ''
      started.stderr.on('data', chunk => {
        stderr += chunk
      })
      const [code] = await once(started, 'close')
      expect(code).not.toBe(0)
      expect(stderr).toContain('where an app is bundled, mark ringcast as external')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
