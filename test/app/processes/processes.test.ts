import { afterEach, expect, it } from 'vitest'
import { TestClient } from '../../support/handler-server.js'
import { Ringcast } from '../../support/ringcast-process.js'

const started: Ringcast[] = []
const clients: TestClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.terminate()
  for (const process of started.splice(0)) await process.kill('SIGKILL')
})

function start(args: readonly string[]): Ringcast {
  const ringcast = new Ringcast(args)
  started.push(ringcast)
  return ringcast
}

async function connect(url: string): Promise<TestClient> {
  const client = new TestClient(url, [], {})
  clients.push(client)
  await client.until(() => client.messages[0]?.type === 'subscribed')
  return client
}

interface GroupMetrics {
  readonly counters?: { readonly connectionsActive: number }
  readonly processes: readonly { process: number; pid: number; counters?: { connectionsActive: number } }[]
}

async function metricsOf(adminUrl: string): Promise<GroupMetrics> {
  const response = await fetch(`${adminUrl}/metrics.json`)
  return (await response.json()) as GroupMetrics
}

/** Asks again until it holds: the processes report twice a second. */
async function until(adminUrl: string, holds: (metrics: GroupMetrics) => boolean): Promise<GroupMetrics> {
  for (;;) {
    const metrics = await metricsOf(adminUrl)
    if (holds(metrics)) return metrics
  }
}

it('serves one port with two processes, replaces one that was killed, and ends with 0 at SIGTERM', async () => {
  const ringcast = start(['--processes=2'])
  const { webSocketUrl, adminUrl } = await ringcast.streaming()
  const all: TestClient[] = []
  for (let index = 0; index < 4; index++) all.push(await connect(webSocketUrl))
  for (const client of all) await client.until(() => client.messages.some(({ type }) => type === 'ticks'))
  const before = await until(adminUrl, ({ counters }) => counters?.connectionsActive === 4)
  const busy = before.processes.filter(({ counters }) => counters!.connectionsActive > 0)
  expect(busy).toHaveLength(2)

  const [victim] = busy
  process.kill(victim!.pid, 'SIGKILL')
  await until(adminUrl, ({ processes }) => {
    const replaced = processes.find(({ process }) => process === victim!.process)!
    return replaced.pid !== victim!.pid && replaced.counters !== undefined
  })
  expect(ringcast.lines.some(({ signal }) => signal === 'SIGKILL')).toBe(true)
  const ready = await fetch(`${adminUrl}/readyz`)
  expect(ready.status).toBe(200)
  const next = [await connect(webSocketUrl), await connect(webSocketUrl)]
  for (const client of next) await client.until(() => client.messages.some(({ type }) => type === 'ticks'))

  await ringcast.kill('SIGTERM')
  expect(await ringcast.ended()).toBe(0)
  for (const client of next) expect(await client.untilClosed()).toMatchObject({ code: 1001 })
  expect(ringcast.lines.at(-1)!.msg).toBe('stopped')
})
