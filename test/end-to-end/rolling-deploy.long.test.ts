/**
 * Two gateways behind a balancer are restarted one after the other. No client is refused or cut, none loses a tick without
 * a word, and those that stay do not notice.
 */
import { afterEach, expect, it } from 'vitest'
import { freePort } from '../../bench/processes/free-port.js'
import { Balancer, type Node } from '../support/balancer.js'
import { ReturningClient } from '../support/returning-client.js'
import { Ringcast } from '../support/ringcast-process.js'
import { Watched } from '../support/watched.js'

const CLIENTS = 1000
const SYMBOLS = 20
/** Ticks in a second: each goes to every client. */
const RATE = 10
/** The balancer asks five times a second, if the machine is not busy. */
const DELAY_MS = 4000
/** The pace of the admission, 200, as a busy machine sees it. Otherwise 500 or more would come in the same second. */
const COMING_PER_SECOND_MAX = 300
/** What the latency is compared with: so many ticks at each client, first without a look at it. */
const TICKS_BEFORE = 10
const TICKS_QUIET = 50
/** On a machine whose delays are longer than this before anything happens, they are those of other work. */
const JUDGED_US_MAX = 50_000
/** The gateways that start take the same cores. */
const NOISE_US = 10_000

const started: Ringcast[] = []
const clients: ReturningClient[] = []
let balancer: Balancer | undefined

afterEach(async () => {
  for (const client of clients.splice(0)) client.end()
  balancer?.stop()
  for (const process of started.splice(0)) await process.kill('SIGKILL')
})

async function startGateway({ port, adminPort }: Node, upstream: string): Promise<Ringcast> {
  const gateway = new Ringcast([`--upstream=${upstream}`], {
    env: {
      RINGCAST_HOST: '127.0.0.1',
      RINGCAST_PORT: String(port),
      RINGCAST_ADMIN_PORT: String(adminPort),
      RINGCAST_MAX_CLIENTS: '2000',
      RINGCAST_DRAIN_DELAY_MS: String(DELAY_MS),
      // All clients come from the balancer's address.
      RINGCAST_ADDRESS_WORK_PER_SECOND: '2MiB',
    },
  })
  started.push(gateway)
  await gateway.streaming()
  return gateway
}

/** What the clients have seen, all together. */
class Seen extends Watched {
  /** What went wrong with a connection. */
  readonly failures: string[] = []
  /** Of each tick since `startOver`. */
  latenciesUs: number[] = []
  /** When connections began since `startOver`. */
  openedMs: number[] = []
  private awaitedTicks = 0

  startOver(): void {
    this.latenciesUs = []
    this.openedMs = []
  }

  tick(latencyUs: number): void {
    if (this.latenciesUs.push(latencyUs) === this.awaitedTicks) this.changed()
  }

  /** Resolves when each client has got so many ticks on average since `startOver`. */
  async untilTicks(perClient: number): Promise<void> {
    this.awaitedTicks = perClient * CLIENTS
    await this.until(() => this.latenciesUs.length >= this.awaitedTicks)
  }

  opened(): void {
    this.openedMs.push(performance.now())
  }

  live(): void {
    this.changed()
  }

  failed(what: string): void {
    this.failures.push(what)
    this.changed()
  }

  /** A failure ends the wait: the condition may then never hold. */
  override async until(holds: () => boolean): Promise<void> {
    await super.until(() => holds() || this.failures.length > 0)
    expect(this.failures).toEqual([])
  }
}

function p99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)]!
}

/** The most events in a second, wherever that begins. */
function mostPerSecond(timesMs: readonly number[]): number {
  let most = 0
  for (let first = 0, last = 0; last < timesMs.length; last++) {
    while (timesMs[last]! - timesMs[first]! > 1000) first++
    most = Math.max(most, last - first + 1)
  }
  return most
}

it('restarts two gateways with a thousand clients, and no client notices', async () => {
  const feed = new Ringcast([
    'feed',
    '--feed-listen=127.0.0.1:0',
    `--feed-symbols=${SYMBOLS}`,
    `--feed-rate=${RATE}`,
  ])
  started.push(feed)
  const upstream = (await feed.line('feeding'))!.address!
  const nodes = [
    { port: await freePort(), adminPort: await freePort() },
    { port: await freePort(), adminPort: await freePort() },
  ] as const
  const gateways = [await startGateway(nodes[0], upstream), await startGateway(nodes[1], upstream)]
  const inFront = await Balancer.start(nodes)
  balancer = inFront
  await inFront.until(() => inFront.readyCount === 2)

  const seen = new Seen()
  for (let client = 0; client < CLIENTS; client++) {
    clients.push(new ReturningClient(`ws://127.0.0.1:${inFront.port}/ws/ticks`, seen))
  }
  const areLive = () => clients.every(({ isLive }) => isLive)
  await seen.until(areLive)
  seen.startOver()
  await seen.untilTicks(TICKS_BEFORE)
  seen.startOver()
  await seen.untilTicks(TICKS_QUIET)
  const before = p99(seen.latenciesUs)
  seen.startOver()

  for (const [index, node] of nodes.entries()) {
    await gateways[index]!.kill('SIGTERM')
    expect(await gateways[index]!.ended()).toBe(0)
    gateways[index] = await startGateway(node, upstream)
    await inFront.until(() => inFront.isReady(node))
  }
  await seen.until(areLive)
  const during = p99(seen.latenciesUs)

  const goodbyes = clients.flatMap(({ goodbyes }) => goodbyes)
  const { openedMs } = seen
  expect(inFront.refused, 'connections that no gateway took').toBe(0)
  expect(clients.flatMap(({ errors }) => errors)).toEqual([])
  // Every client was on one of the two, and those that came to the second one were sent away once more.
  expect(goodbyes.length).toBe(openedMs.length)
  expect(goodbyes.length).toBeGreaterThanOrEqual(CLIENTS)
  expect(mostPerSecond(openedMs)).toBeLessThanOrEqual(COMING_PER_SECOND_MAX)
  // All gateways give a tick the same place, so a resume at another one brings every tick.
  expect(
    clients.reduce((sum, client) => sum + client.gaps, 0),
    'gaps',
  ).toBe(0)
  process.stdout.write(`p99 ${before} µs before, ${during} µs during the deploy\n`)
  if (before <= JUDGED_US_MAX) expect(during).toBeLessThanOrEqual(1.5 * before + NOISE_US)
  for (const gateway of started) {
    const complaints = gateway.lines.filter(({ level }) => level === 'error' || level === 'fatal')
    expect(complaints).toEqual([])
  }
}, 180_000)
