/** Relays as processes that are killed and stopped, one after the other, while a feed goes on. */
import { afterEach, expect, it } from 'vitest'
import { systemClock } from '../../src/common/clock.js'
import { LEASE_MS } from '../../src/relay/lease.js'
import { noNatsServer } from '../support/nats-server.js'
import { RelayStage } from '../support/relay-stage.js'
import { ReplicatedFeed } from '../support/replicated-feed.js'
import { Ringcast } from '../support/ringcast-process.js'

const TICK_PERIOD_MS = 5
/** Until the other relay is active, and the gateway has its first tick. */
const TAKEOVER_MAX_MS = 3_000

const stage = new RelayStage()
const feed = new ReplicatedFeed(1, 'E')
const processes: Ringcast[] = []

afterEach(async () => {
  await Promise.all(processes.map(each => each.kill('SIGKILL')))
  await stage.clear()
  await Promise.all([feed.stop(), stage.server.stop()])
})

it.skipIf(noNatsServer !== undefined)(
  'the ticks come once and in order while active relays are killed, stopped and ended',
  async () => {
    stage.newStream()
    await Promise.all([stage.server.start(), feed.start()])
    const [server] = feed.servers
    const relay = async (): Promise<Ringcast> => {
      const env = {
        RINGCAST_NATS: stage.server.url,
        RINGCAST_NATS_STREAM: stage.stream,
        RINGCAST_UPSTREAM: server!.target,
      }
      const started = new Ringcast(['relay'], { env })
      processes.push(started)
      await started.line('relaying')
      return started
    }
    const first = await relay()
    await first.line('this relay is active')
    const { sink } = await stage.gateway()
    const ticking = systemClock.every(TICK_PERIOD_MS, () => feed.send(1))
    const reached = (position: number) => sink.until(() => (sink.positions.at(-1) ?? 0) >= position)
    const roleOf = async ({ lines }: Ringcast): Promise<unknown> => {
      const { adminUrl } = lines.find(({ msg }) => msg === 'relaying')!
      return ((await (await fetch(`${adminUrl}/metrics.json`)).json()) as { role: unknown }).role
    }
    await sink.until(() => sink.positions.length > 0)
    const begin = sink.positions[0]!

    // Killed.
    const second = await relay()
    expect([await roleOf(first), await roleOf(second)]).toEqual(['active', 'standby'])
    let startMs = performance.now()
    await first.kill('SIGKILL')
    await reached(feed.position + 1)
    expect(performance.now() - startMs).toBeLessThan(TAKEOVER_MAX_MS)

    // Stopped for longer than its lease.
    const third = await relay()
    startMs = performance.now()
    second.child.kill('SIGSTOP')
    await reached(feed.position + 1)
    expect(performance.now() - startMs).toBeLessThan(TAKEOVER_MAX_MS)
    await reached(feed.position + 100)
    second.child.kill('SIGCONT')
    await second.until(() => second.lines.some(({ msg }) => msg.startsWith('this relay is no longer active')))
    await reached(feed.position + 100)

    // Ended: the lease is given back.
    startMs = performance.now()
    await third.kill('SIGTERM')
    await reached(feed.position + 100)
    expect(performance.now() - startMs).toBeLessThan(LEASE_MS)
    ticking.cancel()

    const { position } = feed
    await reached(position)
    const all = Array.from({ length: position - begin + 1 }, (_, index) => begin + index)
    expect(sink.positions).toEqual(all)
    expect(sink.offsets).toEqual(all.map(each => `E:${each}`))
    expect(sink.losses).toEqual([])
  },
)
