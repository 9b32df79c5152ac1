import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CLOSE_CODES } from '../src/close-codes.js'
import { settingsTable } from '../src/config.js'
import { COMMAND_ERRORS, REQUEST_ERRORS, SYMBOL_ERRORS } from '../src/protocol/error-codes.js'
import { TickClient } from './support/tick-client.js'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

describe('README.md', () => {
  it('has the settings as they are (else: npm run docs)', () => {
    const [, table] = /<!-- settings -->\n([\s\S]*)\n<!-- \/settings -->/.exec(readme) ?? []
    expect(table).toBe(settingsTable())
  })

  it('names every close code with its reason', () => {
    for (const { code, reason, reconnect } of Object.values(CLOSE_CODES)) {
      const row = new RegExp(`\\| ${code} \\| ${reason || '–'} +\\| ${reconnect ? 'yes' : 'no'} +\\|`)
      expect(readme).toMatch(row)
    }
  })

  it.each([
    ['- `error`', Object.keys(COMMAND_ERRORS)],
    ['- `refused`', Object.keys(SYMBOL_ERRORS)],
    ['- 400', Object.values(REQUEST_ERRORS).flatMap(codes => Object.keys(codes))],
  ])('lists the error codes under "%s"', (start, codes) => {
    const [, ...items] = readme.slice(readme.indexOf('The codes with which')).split(/\n(?=- |\n)/)
    const item = items.find(each => each.trimStart().startsWith(start))!
    const listed = [...item.slice(start.length).matchAll(/`(\w+)`/g)].map(([, code]) => code)
    expect(listed.sort()).toEqual(codes.sort())
  })

  it('has a library example that works as it stands', async () => {
    const [, code] = /<!-- example: library -->\n+```js\n([\s\S]*?)```/.exec(readme) ?? []
    // Inside the package, so that the example imports it by name.
    const path = fileURLToPath(new URL('../readme-example.mjs', import.meta.url))
    writeFileSync(path, code!)
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
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
