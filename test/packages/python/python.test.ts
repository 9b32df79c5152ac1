/** The client for Python: the cases of all clients, and a real gateway. Needs python3 with websockets; otherwise it is skipped. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { readCases } from '@ringcast/conformance'
import { afterEach, describe, expect, it } from 'vitest'
import { HandlerServer } from '../../support/handler-server.js'
import { exampleOf, readPage } from '../../support/markdown.js'
import { quote } from '../../support/ticks.js'

/** Debian's: the packages that it installs are there. */
const PYTHON = '/usr/bin/python3'
const FOLDER = fileURLToPath(new URL('../../../../packages/python/', import.meta.url))
const NO_PYTHON = `${PYTHON} has no websockets: install python3-websockets`
const hasPython = spawnSync(PYTHON, ['-c', 'import websockets']).status === 0

describe('the cases of all clients', async () => {
  const errors = new Map<string, string | null>()
  if (hasPython) {
    const { stdout } = await promisify(execFile)(PYTHON, [`${FOLDER}tests/conformance.py`])
    for (const line of stdout.trim().split('\n')) {
      const { error, name } = JSON.parse(line) as { name: string; error: string | null }
      errors.set(name, error)
    }
  }

  it.for(readCases().map(({ name }) => name))('%s', (name, { skip }) => {
    skip(!hasPython, NO_PYTHON)
    expect(errors.get(name)).toBeNull()
  })
})

describe('a real gateway', () => {
  let server: HandlerServer
  let timer: NodeJS.Timeout

  afterEach(async () => {
    clearInterval(timer)
    await server?.stop()
  })

  interface Seen {
    readonly sequences: readonly number[]
    readonly gaps: readonly (number | null)[]
    readonly states: readonly string[]
    readonly position?: string
    readonly error?: string
  }

  async function run(script: string, ...args: string[]): Promise<string> {
    const child = spawn(PYTHON, [script, ...args], {
      env: { ...process.env, PYTHONPATH: FOLDER },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    let errors = ''
    child.stdout.on('data', data => {
      output += data
    })
    child.stderr.on('data', data => {
      errors += data
    })
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(errors)
    return output
  }

  /** Sends ticks of A until the test ends, and cuts all connections after each `cutEvery`. */
  async function start(cutEvery: number): Promise<void> {
    server = await HandlerServer.start()
    let sequence = 0
    timer = setInterval(() => {
      server.handler.broadcastTick(quote('A', ++sequence))
      if (sequence % cutEvery === 0) for (const socket of server.sockets) socket.destroy()
    }, 4)
  }

  it.for(['async', 'blocking'])(
    'no tick is missing or doubled while connections are cut: %s',
    async (mode, { skip }) => {
      skip(!hasPython, NO_PYTHON)
      await start(50)
      const seen = JSON.parse(await run(`${FOLDER}tests/follow.py`, mode, server.url(), '200')) as Seen
      expect(seen.gaps).toEqual([])
      expect(seen.sequences).toEqual(seen.sequences.map((_, index) => seen.sequences[0]! + index))
      expect(seen.states.filter(state => state === 'reconnecting closed').length).toBeGreaterThanOrEqual(2)
      expect(seen.position).toMatch(/^[\w-]+:\d+$/)
    },
  )

  it('a request that is wrong ends the stream and says so', async ({ skip }) => {
    skip(!hasPython, NO_PYTHON)
    await start(50)
    const seen = JSON.parse(
      await run(`${FOLDER}tests/follow.py`, 'async', server.url('?maxAgeMs=-1'), '1'),
    ) as Seen
    expect(seen.error).toBe('refused: refused with 400')
    expect(seen.states.at(-1)).toBe('closed refused')
  })

  it('the example of the README', async ({ skip }) => {
    skip(!hasPython, NO_PYTHON)
    await start(50)
    const code = exampleOf(readPage('packages/python/README.md'), 'python')
    const bounded = code
      .replace('ws://localhost:8080/ws/ticks', server.url())
      .replace('["SYM0001", "ETH*"]', '["A"]')
      .replace('print(tick)', 'print(tick["sequence"]); tick["sequence"] % 100 == 0 and sys.exit()')
    const output = await run('-c', `import sys\n${bounded}`)
    const sequences = output
      .split('\n')
      .filter(line => /^\d+$/.test(line))
      .map(Number)
    expect(sequences.length).toBeGreaterThan(1)
    expect(sequences).toEqual(sequences.map((_, index) => sequences[0]! + index))
  })
})
