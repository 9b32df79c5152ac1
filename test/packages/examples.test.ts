/** The examples of the client libraries run as their page says. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { browserPath, runInBrowser } from '../support/browser.js'
import { HandlerServer } from '../support/handler-server.js'
import { codeOf, readPage } from '../support/markdown.js'
import { quote, trade } from '../support/ticks.js'
import { until } from '../support/until.js'

/** A browser takes some seconds to start on a busy machine. */
const TIMEOUT_MS = 60_000
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PYTHON = '/usr/bin/python3'
const hasPython = spawnSync(PYTHON, ['-c', 'import websockets']).status === 0

let server: HandlerServer
let timer: NodeJS.Timeout
let child: ChildProcess | undefined

beforeEach(async () => {
  server = await HandlerServer.start()
  let sequence = 0
  timer = setInterval(() => {
    sequence++
    server.handler.broadcastTick(quote('SYM0001', sequence))
    server.handler.broadcastTick({ ...trade('SYM0002', sequence), last: 5, lastSize: sequence % 3 })
  }, 5)
})

afterEach(async () => {
  clearInterval(timer)
  child?.kill('SIGKILL')
  child = undefined
  await server.stop()
})

function start(command: string, ...args: string[]): () => string {
  const started = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, PYTHONPATH: 'packages/python' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child = started
  let output = ''
  for (const stream of [started.stdout, started.stderr])
    stream.on('data', data => {
      output += data
    })
  return () => output
}

it('bot', async () => {
  const output = start(process.execPath, 'examples/bot/bot.js', server.url(), '2')
  await until(() => output().includes('SYM0002 2 at 5'))
  server.sockets.at(-1)!.destroy()
  await until(() => /reconnecting[\s\S]*live[\s\S]*SYM0002 2 at 5/.test(output()))
  expect(output()).not.toContain('SYM0002 1 at 5')
  expect(output()).not.toContain('missing')
  child!.kill('SIGTERM')
  const [code] = await once(child!, 'exit')
  expect(code).toBe(0)
})

it('python', async ({ skip }) => {
  skip(!hasPython, `${PYTHON} has no websockets: install python3-websockets`)
  const output = start(PYTHON, 'examples/python/notebook.py', server.url(), '1')
  const [code] = await once(child!, 'close')
  expect(output()).toMatch(/^SYM0001 +\d+ quotes, median spread 0\.2500\n0 ticks are missing\n$/)
  expect(code).toBe(0)
})

it('wscat', async () => {
  const page = readPage('examples/README.md')
  const url = /'(ws:[^']+)'/.exec(codeOf(page, '').join('\n'))![1]!
  const [command] = codeOf(page, 'json')
  const output = start(
    'node_modules/.bin/wscat',
    '-c',
    url.replace('ws://localhost:8080/ws/ticks', server.url()),
    '-x',
    command!.trim(),
    '-w',
    '-1',
  )
  await until(() => output().includes('"type":"subscribed","id":1'))
  await until(() => output().includes('"symbol":"SYM0002"'))
})

const path = browserPath()
it(
  'page',
  async ({ skip }) => {
    skip(path === undefined, 'no Chromium is in the PATH')
    const script = `async ({ page, url }) => {
      history.replaceState(null, '', '?url=' + encodeURIComponent(url))
      const load = async () => {
        const { documentElement } = new DOMParser().parseFromString(page, 'text/html')
        document.body.innerHTML = documentElement.querySelector('body').innerHTML
        const script = document.createElement('script')
        script.type = 'module'
        script.textContent = documentElement.querySelector('script').textContent
        document.body.append(script)
      }
      await load()
      const until = async isDone => { while (!isDone()) await new Promise(requestAnimationFrame) }
      await until(() => document.querySelector('#state').textContent === 'live, the feed is live')
      await until(() => document.querySelector('#prices').textContent.startsWith('SYM0001'))
      const first = document.querySelector('#prices').textContent
      await until(() => document.querySelector('#prices').textContent !== first)
      await until(() => sessionStorage.length === 1)
      return sessionStorage.getItem('ringcast.position')
    }`
    const read = (file: string) => readFileSync(`${ROOT}${file}`, 'utf8')
    const files = { '/ringcast-client.js': read('packages/client/dist/ringcast-client.js') }
    const argument = { page: read('examples/page/index.html'), url: server.url() }
    expect(await runInBrowser(path!, script, argument, files)).toMatch(/^[\w-]+:\d+$/)
  },
  TIMEOUT_MS,
)
