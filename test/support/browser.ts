/**
 * A real browser that runs one script in a page and says what came of it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A browser takes some seconds to start on a busy machine. */
export const BROWSER_TIMEOUT_MS = 60_000
/** The client as a page imports it. */
export const CLIENT_FILES = {
  '/ringcast-client.js': readFileSync(
    new URL('../../../packages/client/dist/ringcast-client.js', import.meta.url),
    'utf8',
  ),
}
export const NO_BROWSER = 'no Chromium is in the PATH'
const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** Where the browser is; undefined when there is none. */
export function browserPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return NAMES.flatMap(name => folders.map(folder => join(folder, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Runs `script`, the text of an async function of one argument, in a page.
 *
 * @param files JavaScript that the page may import, by path
 * @returns what it resolves to, as JSON can carry it; rejects with what it rejects with
 */
export async function runInBrowser(
  path: string,
  script: string,
  argument: unknown,
  files: Readonly<Record<string, string>> = {},
): Promise<unknown> {
  // No `<`: a text with an end tag of a script would end this one.
  const json = JSON.stringify(argument).replaceAll('<', '\\u003c')
  const page = `<!doctype html><meta charset="utf-8"><body><script type="module">
    const post = body => fetch('/result', { method: 'POST', body: JSON.stringify(body) })
    try { await post({ value: await (${script})(${json}) }) }
    catch (error) { await post({ error: String(error) }) }
  </script>`
  let resolveResult: (result: { value?: unknown; error?: string }) => void = () => {}
  const result = new Promise<{ value?: unknown; error?: string }>(resolve => {
    resolveResult = resolve
  })
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const file = files[request.url ?? '']
    if (file !== undefined) {
      response.setHeader('content-type', 'text/javascript')
      response.end(file)
      return
    }
    response.end(request.method === 'POST' ? '' : page)
    if (request.method === 'POST') resolveResult(JSON.parse(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const profile = mkdtempSync(join(tmpdir(), 'ringcast-browser-'))
  const { port } = server.address() as AddressInfo
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']
  const browser = spawn(path, [...flags, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/`], {
    stdio: 'ignore',
    // With its helpers a group of its own, so that all of them can be ended.
    detached: true,
  })
  const ended = once(browser, 'exit').then(([code]) => ({ error: `the browser ended with ${code}` }))
  try {
    const { value, error } = await Promise.race<{ value?: unknown; error?: string }>([result, ended])
    if (error !== undefined) throw new Error(error)
    return value
  } finally {
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL')
    await ended
    server.close()
    server.closeAllConnections()
    rmSync(profile, { recursive: true, force: true, maxRetries: 20 })
  }
}
