/**
 * A process whose clock is stepped, as seen from outside. The faketime library lies to it of the time of day, and leaves its monotonic clock.
 */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { TickJson } from '../../src/protocol/messages.js'
import { figure } from '../support/figure.js'
import { Ringcast } from '../support/ringcast-process.js'
import { TickClient } from '../support/tick-client.js'
import { sequences } from '../support/ticks.js'

/** Where Debian's `libfaketime` has it, by machine. */
const MACHINES = { x64: 'x86_64', arm64: 'aarch64' } as Readonly<Record<string, string>>
const LIBRARY = `/usr/lib/${MACHINES[process.arch]}-linux-gnu/faketime/libfaketimeMT.so.1`
const CLIENTS = 10
const HOUR_S = 3600
/** Longer than a client may be silent, by the settings of the test. */
const STAYS_MS = 5000
const SETTINGS = {
  RINGCAST_PING_INTERVAL_MS: '500',
  RINGCAST_PONG_TIMEOUT_MS: '3000',
  RINGCAST_READ_TIMEOUT_MS: '4000',
  RINGCAST_WRITE_TIMEOUT_MS: '3000',
}

let folder: string | undefined
let ringcast: Ringcast | undefined

afterEach(async () => {
  await ringcast?.kill('SIGKILL')
  if (folder !== undefined) rmSync(folder, { recursive: true })
})

interface Metrics {
  readonly counters: Readonly<Record<string, number>>
}

async function metricsAt(adminUrl: string): Promise<Metrics['counters']> {
  return ((await (await fetch(`${adminUrl}/metrics.json`)).json()) as Metrics).counters
}

it.skipIf(!existsSync(LIBRARY))(
  'a process whose clock is stepped by an hour, ahead and back, tells the new time and ends no client',
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'ringcast-clock-'))
    const path = join(folder, 'offset')
    /** @param offsetS how far the clock is ahead of the true one from now on */
    const step = (offsetS: number): void => {
      writeFileSync(`${path}.new`, `${offsetS < 0 ? '' : '+'}${offsetS}\n`)
      renameSync(`${path}.new`, path)
    }
    step(0)
    ringcast = new Ringcast([], {
      env: {
        ...SETTINGS,
        LD_PRELOAD: LIBRARY,
        FAKETIME_TIMESTAMP_FILE: path,
        FAKETIME_CACHE_DURATION: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      },
    })
    const { adminUrl, webSocketUrl } = await ringcast.streaming()
    const clients = await Promise.all(sequences(1, CLIENTS).map(() => TickClient.connect(webSocketUrl)))
    const [first] = clients as [TickClient]
    await first.until(() => first.ticks.length > 0)
    const tookMs: number[] = []
    for (const offsetS of [HOUR_S, -HOUR_S, 0]) {
      step(offsetS)
      const startMs = performance.now()
      const aheadS = () => (first.ticks.at(-1)!.time / 1000 - Date.now()) / 1000
      await first.until(() => Math.abs(aheadS() - offsetS) < 1)
      tookMs.push(Math.round(performance.now() - startMs))
      await first.until(() => performance.now() - startMs > STAYS_MS)
      // A client that comes now is served like the others.
      const late = await TickClient.connect(webSocketUrl)
      await late.until(() => late.ticks.length > 10)
      expect(late.silentErrors).toEqual([])
      await late.close()
    }
    // Before the ticks are looked at: meanwhile the clients would answer no ping.
    expect(await metricsAt(adminUrl)).toMatchObject({
      connectionsActive: CLIENTS,
      disconnectPong: 0,
      disconnectRead: 0,
      disconnectSlow: 0,
      laneRestarts: 0,
      upstreamReconnects: 0,
    })
    expect((await fetch(`${adminUrl}/readyz`)).status).toBe(200)
    for (const { closed, gaps, silentErrors, ticks } of clients)
      expect([closed, gaps, silentErrors, outOfTurn(ticks)]).toEqual([undefined, [], [], []])
    // A second for the cached time of the library, and a second for the clock of the process.
    expect(Math.max(...tookMs)).toBeLessThan(5000)
    await ringcast.kill('SIGTERM')
    expect(await ringcast.ended()).toBe(0)
    figure(`followed after ${tookMs.join(', ')} ms; ${first.ticks.length} ticks at each of ${CLIENTS}`)
  },
)

/** The ticks that do not follow the one before them. The feed numbers the ticks of each symbol and kind. */
function outOfTurn(ticks: readonly TickJson[]): TickJson[] {
  const numbers = new Map<string, number>()
  return ticks.filter(({ kind, sequence, symbol }) => {
    const name = `${kind} ${symbol}`
    const before = numbers.get(name)
    numbers.set(name, Number(sequence))
    return before !== undefined && Number(sequence) !== before + 1
  })
}
