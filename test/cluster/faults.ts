/** What goes wrong in a cluster. Each fault is injected and repaired, and takes up to some seconds. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/common/random.js'
import type { Cluster, GatewayNode } from './cluster.js'
import type { Member } from './member.js'

export interface Fault {
  readonly name: string
  /** Resolves when all processes run again. */
  inject(cluster: Cluster, random: Random): Promise<void>
}

const between = (random: Random, fromMs: number, toMs: number): Promise<void> =>
  sleep(fromMs + random.below(toMs - fromMs))

const oneOf = <Item>(random: Random, items: readonly Item[]): Item => items[random.below(items.length)]!

const someGateway = ({ gateways }: Cluster, random: Random): GatewayNode => oneOf(random, gateways)

async function activeRelay(cluster: Cluster, random: Random): Promise<Member> {
  return (await cluster.activeRelay()) ?? oneOf(random, cluster.relays)
}

async function standbyRelay(cluster: Cluster): Promise<Member> {
  const active = await cluster.activeRelay()
  return cluster.relays.find(relay => relay !== active)!
}

async function killed(member: Member, random: Random): Promise<void> {
  await member.kill()
  await between(random, 0, 1_500)
  await member.start()
}

async function stopped(member: Member, random: Random, toMs: number): Promise<void> {
  member.stop()
  await between(random, 1_000, toMs)
  member.goOn()
}

async function ended(member: Member): Promise<void> {
  await member.end()
  await member.start()
}

const NEW_EPOCH = 'feed: restarted with a new epoch'
const LOST_MESSAGES = 'nats-server: lost confirmed messages'

/**
 * Whether faults that come at once lose ticks: what was stored of the new epoch is gone, and a relay that has to begin
 * that epoch anew asks for no past of it.
 */
export function loseTicks(faults: readonly Fault[]): boolean {
  return [NEW_EPOCH, LOST_MESSAGES].every(name => faults.some(fault => fault.name === name))
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'gateway: kill -9',
    inject: (cluster, random) => killed(someGateway(cluster, random).member, random),
  },
  {
    name: 'gateway: stopped for seconds',
    inject: (cluster, random) => stopped(someGateway(cluster, random).member, random, 4_000),
  },
  {
    name: 'gateway: drained, restarted',
    inject: (cluster, random) => ended(someGateway(cluster, random).member),
  },
  {
    name: 'two gateways: kill -9',
    async inject({ gateways }, random) {
      const spared = random.below(gateways.length)
      const both = gateways.filter((_, index) => index !== spared)
      await Promise.all(both.map(({ member }) => killed(member, random)))
    },
  },
  {
    name: 'active relay: kill -9',
    inject: async (cluster, random) => killed(await activeRelay(cluster, random), random),
  },
  {
    name: 'active relay: stopped for seconds',
    inject: async (cluster, random) => stopped(await activeRelay(cluster, random), random, 5_000),
  },
  {
    name: 'active relay: ended, restarted',
    inject: async (cluster, random) => ended(await activeRelay(cluster, random)),
  },
  {
    name: 'waiting relay: kill -9',
    inject: async (cluster, random) => killed(await standbyRelay(cluster), random),
  },
  {
    name: 'feed: kill -9',
    async inject(cluster, random) {
      await cluster.killFeed()
      await between(random, 0, 1_500)
      await cluster.startFeed()
    },
  },
  {
    name: 'feed: stopped for seconds',
    async inject(cluster, random) {
      cluster.signalFeed('SIGSTOP')
      await between(random, 1_000, 3_000)
      cluster.signalFeed('SIGCONT')
    },
  },
  {
    name: NEW_EPOCH,
    async inject(cluster) {
      await cluster.killFeed()
      await cluster.startNextRun()
    },
  },
  {
    name: 'nats-server: kill -9',
    async inject(cluster, random) {
      await cluster.nats.kill()
      await between(random, 0, 1_500)
      await cluster.startNats()
    },
  },
  {
    name: 'nats-server: stopped for seconds',
    async inject({ nats }, random) {
      nats.signal('SIGSTOP')
      await between(random, 1_000, 4_000)
      nats.signal('SIGCONT')
    },
  },
  {
    name: 'nats-server: ended, restarted',
    async inject(cluster) {
      await cluster.nats.kill('SIGTERM')
      await cluster.startNats()
    },
  },
  {
    name: LOST_MESSAGES,
    async inject(cluster, random) {
      const { nats } = cluster
      await nats.kill('SIGTERM')
      nats.save()
      await cluster.startNats()
      await between(random, 1_500, 3_000)
      await nats.kill()
      nats.restore()
      await cluster.startNats()
    },
  },
]
