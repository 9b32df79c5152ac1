import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { tail } from '../../../src/app/tools/tail.js'
import { parseConfig } from '../../../src/config/config.js'
import { HandlerServer, quote } from '../../support/handler-server.js'
import { TestToolHost } from '../../support/test-tool-host.js'

let server: HandlerServer
let sequence = 0

beforeAll(async () => {
  server = await HandlerServer.start()
})
afterAll(() => server.stop())

function start(...argv: string[]) {
  const host = new TestToolHost()
  const parsed = parseConfig({
    env: {},
    argv: ['tail', `--url=${server.url()}`, ...argv],
    availableParallelism: 1,
  })
  if (parsed.command !== 'tail') throw new Error(parsed.command)
  return { host, code: tail(parsed.tail, host) }
}

const push = (symbol: string) => server.handler.broadcastTick(quote(symbol, ++sequence))

/** Pushes ticks until the tool has printed the newest: from then on it gets all. @returns how many ticks it has printed */
async function untilFollowing(host: TestToolHost, symbol: string): Promise<number> {
  while (!host.stdout.includes(`${symbol} `) && !host.stdout.includes(`"${symbol}"`)) {
    push(symbol)
    await setTimeout(1)
  }
  await untilPrinted(host)
  return host.lines.length
}

function untilPrinted(host: TestToolHost): Promise<void> {
  const newest = new RegExp(`sequence(?:=|":)${sequence}\\b`)
  return host.until(() => newest.test(host.lines.at(-1) ?? ''))
}

it('prints each tick once over a lost connection, and tells of it on stderr', async () => {
  const { host, code } = start('A', 'B*')
  const before = await untilFollowing(host, 'A')
  const first = sequence
  for (let round = 0; round < 3; round++) {
    push('B1')
    push('C')
    server.sockets.at(-1)!.destroy()
    push('A')
    await untilPrinted(host)
  }
  host.interrupt()
  expect(await code).toBe(0)
  const printed = host.lines.map(line => Number(/sequence=(\d+)$/.exec(line)![1]))
  const wanted = [0, 1, 2].flatMap(round => [first + 3 * round + 1, first + 3 * round + 3])
  expect(printed.slice(before)).toEqual(wanted)
  expect(host.lines[0]).toMatch(/^22:13:20\.000000 A +quote +bid=1.5 bidSize=2 ask=1.75 askSize=3 sequence=/)
  expect(host.stderr).toContain('-- reconnecting: closed with 1006')
  expect(host.stderr).toMatch(/\d+ ticks; go on with --resume=[\w.~-]+:\d+\n$/)
})

it('goes on behind the position that an earlier run has told, also where --count cut a message', async () => {
  const one = start('D', '--count=200')
  await untilFollowing(one.host, 'D')
  for (let more = 0; more < 300; more++) push('D')
  expect(await one.code).toBe(0)
  expect(one.host.lines).toHaveLength(200)
  const numbers = (host: TestToolHost) => host.lines.map(line => Number(/sequence=(\d+)$/.exec(line)![1]))
  const last = numbers(one.host).at(-1)!
  const [, position] = /--resume=(\S+)/.exec(one.host.stderr)!
  const two = start('D', `--resume=${position}`)
  await two.host.until(() => numbers(two.host).at(-1) === sequence)
  two.host.interrupt()
  // No tick is left out. Those of a message that was cut come again.
  const [first = 0, ...others] = numbers(two.host)
  expect(first).toBeLessThanOrEqual(last + 1)
  expect(others).toEqual(others.map((_, index) => first + 1 + index))
  await two.code
})

it('prints items as lines of JSON, with gaps and states', async () => {
  const { host, code } = start('E', '--json')
  await untilFollowing(host, 'E')
  server.handler.gap({ missed: 17 })
  push('E')
  await untilPrinted(host)
  host.interrupt()
  expect(await code).toBe(0)
  const items = host.lines.map(line => JSON.parse(line) as { type: string; missed?: number })
  expect(items.find(({ type }) => type === 'gap')).toMatchObject({ missed: 17, reason: 'upstream' })
  expect(items.find(({ type }) => type === 'status')).toMatchObject({ state: 'connecting' })
  expect(host.stderr).toMatch(/^\d+ ticks; /)
})

it('tells of a gap and of the feed in words', async () => {
  const { host, code } = start('F')
  await untilFollowing(host, 'F')
  server.handler.gap({ missed: null })
  server.handler.setSourceState('down', 'closed until 9')
  push('F')
  await host.until(() => host.stderr.includes('the feed is down'))
  server.handler.setSourceState('live')
  push('F')
  await host.until(() => host.stderr.endsWith('-- live\n'))
  host.interrupt()
  await code
  expect(host.stderr).toContain('-- an unknown number of ticks are missing: upstream\n')
  expect(host.stderr).toContain('-- live; the feed is down: closed until 9\n')
})

it('ends with 1 when the gateway does not let it in', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-tail-'))
  const closed = await HandlerServer.start({}, { authenticate: () => ({ denied: 'log in first' }) })
  try {
    const file = join(folder, 'token')
    writeFileSync(file, 'hunter2\n')
    const { host, code } = start('A', `--url=${closed.url()}`, `--token-file=${file}`)
    expect(await code).toBe(1)
    expect(host.stderr).toContain('log in first')
    expect(host.stdout + host.stderr).not.toContain('hunter2')
    writeFileSync(file, 'two words')
    await expect(start('A', `--token-file=${file}`).code).rejects.toThrow(
      `--token-file=${file}: must hold a token`,
    )
    await expect(start('A', '--token-file=/none').code).rejects.toThrow('--token-file=/none: must be a file')
  } finally {
    await closed.stop()
    rmSync(folder, { recursive: true })
  }
})
