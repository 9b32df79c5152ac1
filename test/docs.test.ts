/**
 * The documentation against the source and against itself: examples run, generated tables are up to date, links lead somewhere.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { variableOf } from '../src/common/setting-names.js'
import { configSettings } from '../src/config/settings.js'
import { CLOSE_CODES } from '../src/protocol/close-codes.js'
import type { ServerMessage } from '../src/protocol/messages.js'
import { BROWSER_TIMEOUT_MS, browserPath, runInBrowser } from './support/browser.js'
import { GENERATED_PARTS, partOf } from './support/generated-docs.js'
import { HandlerServer } from './support/handler-server.js'
import {
  anchorsOf,
  codeOf,
  exampleOf,
  exists,
  linksOf,
  pages,
  proseOf,
  readPage,
} from './support/markdown.js'
import { TickClient } from './support/tick-client.js'
import { quote } from './support/ticks.js'

const README_LINES_MAX = 150
const PROSE_LENGTH_MAX = 120
/** No settings: what Kubernetes may set, and what tests take. */
const FOREIGN_VARIABLES = [
  'RINGCAST_SERVICE_HOST',
  'RINGCAST_SOAK_SECONDS',
  'RINGCAST_TEST_SDK_CLIENTS',
  'RINGCAST_TEST_SEED',
]

let server: HandlerServer | undefined

afterEach(async () => {
  await server?.stop()
  server = undefined
})

describe('README.md', () => {
  it(`has at most ${README_LINES_MAX} lines`, () => {
    expect(readPage('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES_MAX)
  })

  const browser = browserPath()
  it.skipIf(browser === undefined)(
    'has a page that shows prices in a browser',
    async () => {
      server = await HandlerServer.start()
      server.handler.broadcastTick(quote('A', 1))
      server.handler.broadcastTick(quote('B', 2))
      const page = exampleOf(readPage('README.md'), 'browser').replace(
        'ws://localhost:8080/ws/ticks',
        server.url(),
      )
      expect(page).toContain(server.url())
      // Runs the page in a frame until it shows both symbols.
      const script = `async page => {
        const frame = document.createElement('iframe')
        frame.srcdoc = page
        document.body.append(frame)
        await new Promise(resolve => { frame.onload = resolve })
        const { body } = frame.contentDocument
        const isDone = () => body.textContent.includes('A ') && body.textContent.includes('B ')
        await new Promise(resolve => {
          new frame.contentWindow.MutationObserver(() => isDone() && resolve())
            .observe(body, { childList: true, characterData: true, subtree: true })
          if (isDone()) resolve()
        })
        return frame.contentDocument.querySelector('#prices').textContent
      }`
      const { bid: bidA, ask: askA } = quote('A', 1)
      const { bid: bidB, ask: askB } = quote('B', 2)
      const shown = await runInBrowser(browser!, script, page)
      expect(shown).toBe(`A ${bidA} ${askA}\nB ${bidB} ${askB}`)
    },
    BROWSER_TIMEOUT_MS,
  )
})

describe('docs/library.md', () => {
  it('has an example that works unchanged', async () => {
    // Inside the package, so that the example imports it by name.
    const path = fileURLToPath(new URL('../library-example.mjs', import.meta.url))
    writeFileSync(path, exampleOf(readPage('docs/library.md'), 'library'))
    const port = await freePort()
    const example = spawn(process.execPath, [path], { env: { ...process.env, PORT: String(port) } })
    try {
      const output = collect(example)
      // The first thing it says.
      await once(example.stdout, 'data')
      const client = await TickClient.connect(`ws://127.0.0.1:${port}/ws/ticks`)
      await client.until(() => client.ticks.length >= 2)
      expect(client.ticks[0]).toMatchObject({ symbol: 'ACME', kind: 'quote', bid: 99.5, askSize: 12 })
      example.kill('SIGTERM')
      const [exitCode] = await once(example, 'exit')
      await client.until(() => false)
      expect(client.closed).toEqual({ code: CLOSE_CODES.shutdown.code, reason: CLOSE_CODES.shutdown.reason })
      expect(exitCode).toBe(0)
      expect(output()).toBe(`listening\nhealthy with 1 clients\nsent ${client.ticks.length} ticks\n`)
    } finally {
      example.kill('SIGKILL')
      rmSync(path)
    }
  })
})

describe('docs/client-protocol.md', () => {
  it('has a client that resumes after a lost connection', async () => {
    const running = await HandlerServer.start()
    server = running
    const code = exampleOf(readPage('docs/client-protocol.md'), 'client')
    // As in a browser.
    const source = `const { WebSocket } = globalThis.example\n${code}`
    Object.assign(globalThis, { example: { WebSocket } })
    const { follow } = (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as {
      follow(url: string, onMessage: (message: ServerMessage) => void): () => void
    }
    const messages: ServerMessage[] = []
    const sequences = () =>
      messages.flatMap(message => (message.type === 'ticks' ? message.ticks.map(tick => tick.sequence) : []))
    const end = follow(running.url(), message => messages.push(message))
    await running.until(() => messages.length === 1)
    for (let sequence = 1; sequence <= 3; sequence++) running.handler.broadcastTick(quote('A', sequence))
    await running.until(() => sequences().length === 3)
    running.sockets[0]!.destroy()
    for (let sequence = 4; sequence <= 6; sequence++) running.handler.broadcastTick(quote('A', sequence))
    await running.until(() => messages.some(({ type }) => type === 'live'))
    running.handler.broadcastTick(quote('A', 7))
    await running.until(() => sequences().length === 7)
    end()
    expect(sequences()).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(messages).toContainEqual(expect.objectContaining({ type: 'subscribed', resumed: true }))
  })
})

describe('the documentation', () => {
  it.each(GENERATED_PARTS)('has the current $name in $page (else: npm run docs)', ({ page, name, text }) => {
    expect(partOf(readPage(page), name)).toBe(text)
  })

  it('has links that lead to files and anchors', () => {
    const broken = pages().flatMap(page =>
      linksOf(page)
        .filter(({ path, anchor }) => !exists(path) || (anchor !== undefined && !anchorsOf(path).has(anchor)))
        .map(({ path, anchor }) => `${page}: ${path}#${anchor ?? ''}`),
    )
    expect(broken).toEqual([])
  })

  it('has a link from README.md, or from a page that it links, to every page', () => {
    const linked = linksOf('README.md').map(({ path }) => path)
    const indexed = linksOf('docs/decisions/README.md').map(({ path }) => path)
    const known = new Set(['README.md', ...linked, ...indexed])
    expect(pages().filter(page => !known.has(page))).toEqual([])
  })

  it(`has lines of at most ${PROSE_LENGTH_MAX} characters outside of code and tables`, () => {
    const long = pages().flatMap(page =>
      proseOf(readPage(page))
        .filter(line => line.length > PROSE_LENGTH_MAX)
        .map(line => `${page}: ${line}`),
    )
    expect(long).toEqual([])
  })

  it('names settings that exist', () => {
    const known = new Set([...Object.keys(configSettings).map(variableOf), ...FOREIGN_VARIABLES])
    expect(named(/\bRINGCAST_[A-Z_]*[A-Z]\b/g).filter(({ name }) => !known.has(name))).toEqual([])
  })

  it('names scripts of npm that exist', () => {
    const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> }
    expect(named(/\bnpm run ([\w:]+)/g).filter(({ name }) => !(name in scripts))).toEqual([])
  })

  it('has JSON in every block of JSON', () => {
    for (const path of pages())
      for (const block of codeOf(readPage(path), 'json'))
        for (const line of block.trim().split('\n')) expect(() => JSON.parse(line), line).not.toThrow()
  })
})

/** What the pages say that matches: the first group, or all of it. */
function named(pattern: RegExp): { readonly page: string; readonly name: string }[] {
  return pages().flatMap(page =>
    [...readPage(page).matchAll(pattern)].map(([all, group]) => ({ page, name: group ?? all })),
  )
}

async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const address = holder.address()
  holder.close()
  await once(holder, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function collect(child: ChildProcess): () => string {
  let text = ''
  child.stdout?.on('data', chunk => {
    text += chunk
  })
  child.stderr?.pipe(process.stderr)
  return () => text
}
