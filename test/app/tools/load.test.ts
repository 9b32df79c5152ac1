import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { load } from '../../../src/app/tools/load.js'
import type { LoadReport } from '../../../src/app/tools/load-report.js'
import { type LoadFacts, loadVerdict } from '../../../src/app/tools/load-verdict.js'
import { parseConfig } from '../../../src/config/config.js'
import { HandlerServer, quote } from '../../support/handler-server.js'
import { TestToolHost } from '../../support/test-tool-host.js'

let server: HandlerServer
let timer: NodeJS.Timeout

beforeAll(async () => {
  server = await HandlerServer.start({ maxClients: 5 })
  let sequence = 0
  timer = setInterval(() => {
    sequence++
    for (const symbol of ['A', 'B']) server.handler.broadcastTick(quote(symbol, sequence))
  }, 5)
})
afterAll(async () => {
  clearInterval(timer)
  await server.stop()
})

async function run(url: string, ...argv: string[]) {
  const parsed = parseConfig({
    env: {},
    argv: ['load', `--url=${url}`, '--duration=1', '--connect-rate=1000', ...argv],
    availableParallelism: 1,
  })
  if (parsed.command !== 'load') throw new Error(parsed.command)
  const host = new TestToolHost({ isTerminal: true })
  return { code: await load(parsed.load, host), host }
}

describe('ringcast load', () => {
  it('measures what its clients get, with a bar of progress', async () => {
    const { code, host } = await run(server.url(), '--clients=4', '--symbols=A', '--json')
    const report = JSON.parse(host.stdout) as LoadReport
    expect(report).toMatchObject({ clients: 4, connected: 4, silentErrors: 0, refused: {}, gaps: {} })
    expect(report.ticks).toBeGreaterThan(40)
    expect(report.latency.p50Us).toBeGreaterThan(0)
    expect(report.latency.p99Us).toBeLessThanOrEqual(report.latency.maxUs)
    expect(report.latency.counts.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(report.messages)
    expect(code).toBe(report.verdict.exitCode)
    expect(host.stderr).toContain('[##')
    await server.until(() => server.handler.getClientCount() === 0)
    expect(server.counts('closed')).toEqual({ closed1000: 4 })
  })

  it('says that the gateway refuses clients, in words, with the exit code 1', async () => {
    const { code, host } = await run(server.url(), '--clients=8')
    expect(code).toBe(1)
    expect(host.stdout).toContain('5 of 8 clients')
    expect(host.stdout).toContain('- 3 clients were refused: ')
    await server.until(() => server.handler.getClientCount() === 0)
  })

  it('says that nobody listens', async () => {
    const { code, host } = await run('ws://127.0.0.1:1/ws/ticks', '--clients=2')
    expect(code).toBe(1)
    expect(host.stdout).toContain('- 2 clients were refused: ECONNREFUSED')
  })

  it('finds a tick that is missing in silence, and one that comes twice', async () => {
    const gateway = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    await once(gateway, 'listening')
    const ticks = (seq: number, offset: number) =>
      `{"type":"ticks","seq":${seq},"offset":${offset},"published":1,"received":[1],"ticks":[{}]}`
    gateway.on('connection', socket => {
      socket.send('{"type":"subscribed","symbols":["*"],"epoch":"e","offset":10,"seq":0}')
      setTimeout(() => {
        for (const message of [ticks(1, 11), ticks(3, 13), ticks(3, 13)]) socket.send(message)
      }, 100)
    })
    try {
      const { port } = gateway.address() as AddressInfo
      const { code, host } = await run(`ws://127.0.0.1:${port}`, '--clients=1', '--json')
      const report = JSON.parse(host.stdout) as LoadReport
      expect(report.silentErrors).toBe(2)
      expect(report.firstError).toBe('a message has the number 3, and 2 was expected')
      expect([code, report.verdict.limit]).toEqual([1, 'gateway'])
    } finally {
      for (const client of gateway.clients) client.terminate()
      gateway.close()
    }
  })
})

describe('the verdict', () => {
  const FINE: LoadFacts = {
    ...{ clients: 2, connected: 2, ticks: 5, silentErrors: 0, p99Us: 900 },
    ...{ generatorUtilisation: 0.2, generatorPeak: 0.3, generatorConnecting: 0.9 },
    ...{ refused: {}, ended: {}, refusedEntries: {}, gaps: {} },
  }

  it.each<[string, Partial<LoadFacts>, string, number, RegExp]>([
    ['nothing', {}, 'none', 0, /^$/],
    ['a busy generator', { generatorUtilisation: 0.97, p99Us: 2e6 }, 'generator', 3, /busy 97 % of the time/],
    ['late ticks', { p99Us: 2e6 }, 'gateway', 1, /more than a second late/],
    ['a generator with a busy second', { generatorPeak: 1 }, 'none', 0, /^$/],
    [
      'late ticks and a busy second',
      { generatorPeak: 1, p99Us: 2e6 },
      'generator',
      3,
      /busy 100 % of a whole second.*\none message in a hundred/,
    ],
    [
      'slow gaps in a busy second',
      { generatorPeak: 1, gaps: { slow: { gaps: 1, missed: 9 } } },
      ...(['generator', 3, /busy 100 % of a whole second/] as const),
    ],
    [
      'gaps of the feed in a busy second',
      { generatorPeak: 1, gaps: { upstream: { gaps: 1, missed: 9 } } },
      ...(['gateway', 1, /1 gaps of reason upstream/] as const),
    ],
    [
      'a gap',
      { gaps: { slow: { gaps: 1, missed: 9 } } },
      'gateway',
      1,
      /1 gaps of reason slow, with 9 ticks/,
    ],
    ['clients that were ended', { ended: { 4008: 1 } }, 'gateway', 1, /1 clients were ended with 4008/],
    ['clients without a reply', { connected: 1 }, 'generator', 3, /busy 90 % .* as it connected clients/],
    [
      'clients without a reply of an idle generator',
      { connected: 1, generatorConnecting: 0.4 },
      ...(['gateway', 1, /1 clients got no reply in time/] as const),
    ],
    ['no ticks', { ticks: 0 }, 'gateway', 1, /no tick came/],
    // The generator is no excuse for that.
    ['silent errors', { silentErrors: 1, generatorUtilisation: 1 }, 'gateway', 1, /1 silent errors/],
  ])('names the limit for %s', (_, facts, limit, exitCode, reason) => {
    const verdict = loadVerdict({ ...FINE, ...facts })
    expect(verdict).toMatchObject({ limit, exitCode })
    expect(verdict.reasons.join('\n')).toMatch(reason)
  })
})
