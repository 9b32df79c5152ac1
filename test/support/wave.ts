/**
 * A wave of clients of a `ringcast` process: they come at once, each with symbols that nobody else names, and leave.
 */
import { readFileSync } from 'node:fs'
import type { MetricsView } from '../../src/metrics/metrics-view.js'
import { TestClient } from './handler-server.js'
import type { Ringcast } from './ringcast-process.js'

export interface WaveSize {
  readonly clients: number
  readonly symbols: number
}

const AT_ONCE = 5

/** Resolves when all clients have left, and the process knows it. @param wave makes the symbols differ from other waves' */
export async function wave(process: Ringcast, wave: number, { clients, symbols }: WaveSize): Promise<void> {
  const { adminUrl, webSocketUrl } = await process.streaming()
  const all: TestClient[] = []
  for (let client = 0; client < clients; client++) {
    const own = Array.from({ length: symbols }, (_, symbol) => `${wave}.${client}.${symbol}`)
    all.push(new TestClient(`${webSocketUrl}?symbols=${own.join(',')}`, [], {}))
    // Few at once: a gateway refuses clients while its commands wait for a lane.
    if (all.length % AT_ONCE === 0 || all.length === clients)
      for (const each of all.slice(-AT_ONCE)) await subscribed(each)
  }
  for (const { socket } of all) socket.close()
  for (const client of all) await client.untilClosed()
  for (;;) {
    const { counters, lanes } = (await (await fetch(`${adminUrl}/metrics.json`)).json()) as MetricsView
    if (counters.subscriptions === 0 && lanes.every(({ audiences }) => audiences === 0)) return
  }
}

/** Resident memory of a process. Linux only. https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html */
export function rssMiB({ child }: Ringcast): number {
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1])
  return (pages * 4096) / 2 ** 20
}

async function subscribed(client: TestClient): Promise<void> {
  await client.until(() => client.messages.length > 0 || client.closed !== undefined)
  if (client.messages[0]?.type !== 'subscribed') throw new Error(`refused: ${client.closed?.code}`)
}
