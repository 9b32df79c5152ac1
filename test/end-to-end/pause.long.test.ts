/**
 * A process that is stopped, or too busy to listen, for longer than its clients may be silent: what they said meanwhile counts.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { HandlerOptions } from '../../src/config/config.js'
import { FULL_SIZE } from '../support/handler-server.js'
import { KernelReader } from '../support/kernel-reader.js'
import type { PausableRequest } from '../support/pausable-process.js'
import { TickClient } from '../support/tick-client.js'

const PROCESS_FILE = fileURLToPath(new URL('../support/pausable-process.js', import.meta.url))
/** Long enough for a busy machine, and shorter than the pause. */
const TIMEOUTS: Partial<HandlerOptions> = {
  pingIntervalMs: 250,
  pongTimeoutMs: 4000,
  readTimeoutMs: 6000,
  writeTimeoutMs: 4000,
  closeTimeoutMs: 4000,
  laneHangTimeoutMs: 4000,
}
const PAUSE_MS = 8000
const CLIENT_COUNT = 20

let child: ChildProcess

beforeEach(() => {
  child = fork(PROCESS_FILE, { execArgv: [] })
})

afterEach(async () => {
  child.kill('SIGKILL')
  await once(child, 'exit')
})

async function ask(request: PausableRequest): Promise<unknown> {
  child.send(request)
  const [{ answer, error }] = (await once(child, 'message')) as [{ answer?: unknown; error?: string }]
  if (error !== undefined) throw new Error(error)
  return answer
}

const PAUSES = ['is stopped', 'is busy'] as const

async function pause(how: (typeof PAUSES)[number]): Promise<void> {
  if (how === 'is busy') {
    await ask({ type: 'hold-up', ms: PAUSE_MS })
    return
  }
  child.kill('SIGSTOP')
  await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  child.kill('SIGCONT')
}

it.each(PAUSES)('ends no client, and replaces no lane, when it %s', async how => {
  const port = Number(await ask({ type: 'start', options: { ...FULL_SIZE, ...TIMEOUTS } }))
  const url = `ws://127.0.0.1:${port}/ws/ticks`
  const slow = await KernelReader.connect(port)
  await ask({ type: 'fill', blocked: 1 })
  const clients = await Promise.all(Array.from({ length: CLIENT_COUNT }, () => TickClient.connect(url)))
  await ask({ type: 'feed' })
  await Promise.all(clients.map(client => client.until(() => client.ticks.length > 0)))
  const paused = pause(how)
  // Of one that was blocked before the pause the process sees that it has taken something only after it.
  for (let read = 0; read < 20; read++) slow.read(100_000)
  await paused
  // It answers pings from now on, however long the others take.
  const reading = setInterval(() => slow.read(100_000), 100)

  const before = clients.map(({ ticks }) => ticks.length)
  // What comes now was sent by a process that has had the time to end those that it would.
  await Promise.all(
    clients.map((client, index) =>
      client.until(() => client.closed !== undefined || client.ticks.length > before[index]! + 300),
    ),
  )
  clearInterval(reading)
  expect(clients.flatMap(({ closed }) => closed ?? [])).toEqual([])
  expect(await ask({ type: 'counters' })).toMatchObject({
    connectionsActive: CLIENT_COUNT + 1,
    disconnectPong: 0,
    disconnectRead: 0,
    disconnectSlow: 0,
    laneRestarts: 0,
  })
  for (const { gaps, silentErrors } of clients) expect([gaps, silentErrors]).toEqual([[], []])
  slow.destroy()
  for (const { socket } of clients) socket.terminate()
})
