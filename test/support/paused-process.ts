/**
 * Clients of a process that stands still, and what has become of them when it goes on.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { HandlerOptions } from '../../src/config/config.js'
import { KernelReader } from './kernel-reader.js'
import type { PausableRequest } from './pausable-process.js'
import { TickClient } from './tick-client.js'

const PROCESS_FILE = fileURLToPath(new URL('./pausable-process.js', import.meta.url))
const CLIENT_COUNT = 20

export type Pause = 'is stopped' | 'is busy'

export class PausedProcess {
  private readonly child: ChildProcess = fork(PROCESS_FILE, { execArgv: [] })

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
  }

  /** Stands still for so long, under load and with a client that is blocked, and expects that nobody is ended for it. */
  async expectHarmless(how: Pause, pauseMs: number, options: Partial<HandlerOptions>): Promise<void> {
    const port = Number(await this.ask({ type: 'start', options }))
    const url = `ws://127.0.0.1:${port}/ws/ticks`
    const slow = await KernelReader.connect(port)
    await this.ask({ type: 'fill', blocked: 1 })
    const clients = await Promise.all(Array.from({ length: CLIENT_COUNT }, () => TickClient.connect(url)))
    await this.ask({ type: 'feed' })
    await Promise.all(clients.map(client => client.until(() => client.ticks.length > 0)))
    const paused = this.pause(how, pauseMs)
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
    expect(await this.ask({ type: 'counters' })).toMatchObject({
      connectionsActive: CLIENT_COUNT + 1,
      disconnectPong: 0,
      disconnectRead: 0,
      disconnectSlow: 0,
      laneRestarts: 0,
    })
    for (const { gaps, silentErrors } of clients) expect([gaps, silentErrors]).toEqual([[], []])
    slow.destroy()
    for (const { socket } of clients) socket.terminate()
  }

  private async pause(how: Pause, pauseMs: number): Promise<void> {
    if (how === 'is busy') {
      await this.ask({ type: 'hold-up', ms: pauseMs })
      return
    }
    this.child.kill('SIGSTOP')
    await setTimeout(pauseMs)
    this.child.kill('SIGCONT')
  }

  private async ask(request: PausableRequest): Promise<unknown> {
    this.child.send(request)
    const [{ answer, error }] = (await once(this.child, 'message')) as [{ answer?: unknown; error?: string }]
    if (error !== undefined) throw new Error(error)
    return answer
  }
}
