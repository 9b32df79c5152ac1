import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { top } from '../../../src/app/tools/top.js'
import type { TopNumbers } from '../../../src/app/tools/top-numbers.js'
import { parseConfig } from '../../../src/config/config.js'
import { freePort } from '../../support/proxies.js'
import { Ringcast } from '../../support/ringcast-process.js'
import { TestToolHost } from '../../support/test-tool-host.js'
import { TickClient } from '../../support/tick-client.js'

const TOKEN = 'a-token-of-sixteen-characters'

let folder: string
let tokenFile: string
let ringcast: Ringcast
let adminUrl: URL
let client: TickClient
let webSocketUrl: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ringcast-top-'))
  tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, TOKEN)
  ringcast = new Ringcast([`--admin-token-file=${tokenFile}`, '--feed-rate=500'])
  const urls = await ringcast.streaming()
  adminUrl = new URL(urls.adminUrl)
  webSocketUrl = urls.webSocketUrl
  client = await TickClient.connect(webSocketUrl)
})

afterAll(async () => {
  await client.close()
  await ringcast.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

function start(argv: string[], host = new TestToolHost()) {
  const parsed = parseConfig({
    env: { RINGCAST_ADMIN_PORT: adminUrl.port },
    argv: ['top', '--interval=150', ...argv],
    availableParallelism: 1,
  })
  if (parsed.command !== 'top') throw new Error(parsed.command)
  return { host, code: top(parsed.top, host) }
}

it('shows the numbers of one interval as JSON', async () => {
  const { code, host } = start(['--once', '--json', `--admin-token-file=${tokenFile}`])
  expect(await code).toBe(0)
  const numbers = JSON.parse(host.stdout) as TopNumbers
  expect(numbers).toMatchObject({
    ready: true,
    checks: { upstream: 'ok' },
    clients: 1,
    clientsMax: 1000,
    lanes: [{ process: 1, lane: 0, audiences: 1 }],
    slowest: [{ state: 'live', subscriptions: 1 }],
  })
  expect(numbers.ticksInPerS).toBeGreaterThan(0)
  expect(numbers.ticksOutPerS).toBeGreaterThan(0)
  expect(numbers.amplification).toBeGreaterThan(0)
  expect(numbers.latency.p99Us).toBeGreaterThan(0)
  expect(numbers.feedLatency.p50Us).toBeGreaterThan(0)
  expect(host.stderr).toBe('')
})

it('draws a screen that fits the terminal, until it is ended, and leaves it as it was', async () => {
  const host = new TestToolHost({ isTerminal: true })
  const { code } = start([`--admin-token-file=${tokenFile}`], host)
  await host.until(() => host.stdout.split('ringcast top').length > 2)
  host.interrupt()
  expect(await code).toBe(0)
  expect(host.stdout.startsWith('\u001b[?1049h')).toBe(true)
  expect(host.stdout.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true)
  const [, screen = ''] = host.stdout.split('\u001b[H')
  const lines = screen.split('\u001b[K\n')
  expect(lines.some(line => line.startsWith('clients    1 of 1.00k'))).toBe(true)
  expect(lines.some(line => /^lane 0 +\[#* *\] +\d+ % busy/.test(line))).toBe(true)
  for (const line of lines.slice(0, -1)) expect(line.length).toBeLessThanOrEqual(80)
})

it('a key chooses what the first client has most of, and another one quits', async () => {
  const second = await TickClient.connect(`${webSocketUrl}?symbols=SYM0001,SYM0002`)
  const [older, newer] = [client, second].map(({ subscribed }) => subscribed!.client)
  const host = new TestToolHost({ isTerminal: true })
  const { code } = start([`--admin-token-file=${tokenFile}`, '--sort=age'], host)
  const lines = () => host.stdout.split('\u001b[H').at(-1)!.split('\u001b[K\n')
  /** The clients of the last screen, if its column is the sorted one. */
  const sortedBy = (column: string): string | undefined =>
    lines().some(line => line.includes(` ${column} ▼`))
      ? lines()
          .map(line => line.split(' ')[0])
          .filter(word => word === older || word === newer)
          .join()
      : undefined
  await host.until(() => sortedBy('age') === `${older},${newer}`)
  expect(host.press('E')).toBe(true)
  await host.until(() => sortedBy('entries') === `${newer},${older}`)
  expect(lines()).toContain('keys: l lag, b bytes, t ticks, g gaps, a age, s sent, e entries, q quit')
  host.press('q')
  expect(await code).toBe(0)
  // The terminal has its keys back.
  expect(host.press('l')).toBe(false)
  await second.close()
})

it('says what to do where it is not told the numbers', async () => {
  const refused = start(['--once'])
  expect(await refused.code).toBe(1)
  expect(refused.host.stderr).toContain('asks for a token: name its file with --admin-token-file')
  const port = await freePort()
  const nobody = start(['--once', `--admin-port=${port}`])
  expect(await nobody.code).toBe(1)
  expect(nobody.host.stderr).toContain(`no answer of http://127.0.0.1:${port}: ECONNREFUSED`)
})

it('is no balancer: a gateway that only it has asked stops at once', async () => {
  ringcast.child.kill('SIGTERM')
  expect(await ringcast.ended()).toBe(0)
  expect(ringcast.lines.map(({ msg }) => msg)).not.toContain(
    'not ready any more; new clients are still let in',
  )
})
