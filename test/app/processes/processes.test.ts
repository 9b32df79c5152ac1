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

/** What a client has: each tick of each symbol once and in order, and no gap but the one that names the epoch. */
function checkOrder(...connections: readonly TestClient[]): void {
  const sequences = new Map<string, number>()
  for (const message of connections.flatMap(({ messages }) => messages)) {
    if (message.type === 'gap') expect(message).toMatchObject({ missed: 0 })
    if (message.type !== 'ticks') continue
    for (const { symbol, kind, sequence } of message.ticks) {
      const before = sequences.get(symbol + kind)
      if (before !== undefined) expect(sequence).toBe(before + 1)
      sequences.set(symbol + kind, Number(sequence))
    }
  }
}

/** Resolves with the clients whose connections have ended, when there are so many. */
function cutOff(clients: readonly TestClient[], count: number): Promise<readonly TestClient[]> {
  const cut: TestClient[] = []
  return new Promise(resolve => {
    for (const client of clients)
      client.socket.once('close', () => {
        if (cut.push(client) === count) resolve(cut)
      })
  })
}

/** Connects again with the epoch and the last offset of an earlier connection. */
function resume(url: string, { messages }: TestClient): Promise<TestClient> {
  let epoch: string | undefined
  let offset: number | undefined
  for (const message of messages) {
    if ('epoch' in message) epoch = message.epoch ?? epoch
    if ('offset' in message) offset = message.offset ?? offset
  }
  return connect(`${url}?resume=${epoch}:${offset}`)
}

it('serves one port with two processes, replaces one that was killed, whose clients resume, and ends with 0 at SIGTERM', async () => {
  const ringcast = start(['--processes=2', '--drain-delay-ms=100'])
  const { webSocketUrl, adminUrl } = await ringcast.streaming()
  const all: TestClient[] = []
  for (let index = 0; index < 4; index++) all.push(await connect(webSocketUrl))
  for (const client of all) await client.until(() => client.messages.some(({ type }) => type === 'ticks'))
  const before = await until(adminUrl, ({ counters }) => counters?.connectionsActive === 4)
  const busy = before.processes.filter(({ counters }) => counters!.connectionsActive > 0)
  expect(busy).toHaveLength(2)

  const [victim] = busy
  // Each process is given one of two connections, and this one does not answer. It dies with the connection on its way.
  process.kill(victim!.pid, 'SIGSTOP')
  const waiting = [new TestClient(webSocketUrl, [], {}), new TestClient(webSocketUrl, [], {})]
  clients.push(...waiting)
  await Promise.race(waiting.map(client => client.until(() => client.messages.length > 0)))
  process.kill(victim!.pid, 'SIGKILL')
  const cut = await cutOff(all, victim!.counters!.connectionsActive)
  await waiting.find(client => client.messages.length === 0)!.untilClosed()
  // The other process has the port alone, until the next one has started.
  const resumed = await Promise.all(cut.map(client => resume(webSocketUrl, client)))
  for (const client of resumed) {
    await client.until(() => client.messages.some(({ type }) => type === 'live'))
    expect(client.messages[0]).toMatchObject({ type: 'subscribed', resumed: true })
  }
  await until(adminUrl, ({ processes }) => {
    const replaced = processes.find(({ process }) => process === victim!.process)!
    return replaced.pid !== victim!.pid && replaced.counters !== undefined
  })
  expect(ringcast.lines.some(({ signal }) => signal === 'SIGKILL')).toBe(true)
  const ready = await fetch(`${adminUrl}/readyz`)
  expect(ready.status).toBe(200)
  for (const [index, client] of cut.entries()) checkOrder(client, resumed[index]!)
  const others = all.filter(client => !cut.includes(client))
  expect(others.map(({ closed }) => closed)).toEqual([undefined, undefined])
  for (const client of others) checkOrder(client)
  const next = [await connect(webSocketUrl), await connect(webSocketUrl)]
  for (const client of next) await client.until(() => client.messages.some(({ type }) => type === 'ticks'))

  await ringcast.kill('SIGTERM')
  expect(await ringcast.ended()).toBe(0)
  for (const client of next) expect(await client.untilClosed()).toMatchObject({ code: 1001 })
  expect(ringcast.lines.at(-1)!.msg).toBe('stopped')
})
