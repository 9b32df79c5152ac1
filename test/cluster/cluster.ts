/** A feed, a server of NATS, two relays and three gateways, each a process. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../bench/processes/free-port.js'
import { NatsServer } from '../support/nats-server.js'
import type { Node } from './cluster-servers.js'
import type { FeedOrder, FeedRun } from './feed-process.js'
import { Member } from './member.js'
import { RUN_SPAN, RunRecord } from './run-record.js'

export interface ClusterOptions {
  readonly symbols: readonly string[]
  readonly ticksPerSecond: number
  /** The file of the command. Default: that of this build. */
  readonly main?: string | undefined
}

export interface GatewayNode extends Node {
  readonly member: Member
}

const GATEWAYS = 3
const RELAYS = 2
const FEED_PROCESS = fileURLToPath(new URL('./feed-process.js', import.meta.url))

/** Settings of the gateways: all clients come from one address, and ask for much. */
const GATEWAY_ENV = {
  RINGCAST_HOST: '127.0.0.1',
  RINGCAST_COMPRESSION: 'true',
  RINGCAST_COMPRESSION_MIN_BYTES: '256',
  RINGCAST_MAX_COMMANDS_PER_SECOND: '1000',
  RINGCAST_CLIENT_WORK_PER_SECOND: '64MiB',
  RINGCAST_ADDRESS_WORK_PER_SECOND: '256MiB',
  RINGCAST_TOTAL_WORK_PER_SECOND: '256MiB',
  RINGCAST_TICK_LOG_BYTES: '33554432',
  RINGCAST_FRAME_RING_BYTES: '16777216',
  RINGCAST_POOL_SIZE: '1',
}

export class Cluster {
  readonly record: RunRecord
  readonly nats = new NatsServer()
  readonly relays: Member[] = []
  readonly gateways: GatewayNode[] = []
  private readonly options: ClusterOptions
  private run: FeedRun | undefined
  private feed: ChildProcess | undefined
  private isOver = false

  constructor(options: ClusterOptions) {
    this.options = options
    this.record = new RunRecord(options.symbols)
  }

  async start(): Promise<void> {
    const { main } = this.options
    await this.startNats()
    const port = await freePort()
    await this.startRun(1, port)
    const env = { RINGCAST_NATS: this.nats.url }
    const options = main === undefined ? {} : { main }
    for (let number = 1; number <= RELAYS; number++)
      this.relays.push(
        new Member({
          ...options,
          name: `relay ${number}`,
          args: ['relay', `--upstream=127.0.0.1:${port}`],
          env,
          startedLine: 'relaying',
        }),
      )
    await Promise.all(this.relays.map(relay => relay.start()))
    for (let number = 1; number <= GATEWAYS; number++)
      this.gateways.push(gateway(number, await freePort(), env, options))
    await Promise.all(this.gateways.map(({ member }) => member.start()))
  }

  get members(): readonly Member[] {
    return [...this.relays, ...this.gateways.map(({ member }) => member)]
  }

  /** The offset of the newest tick of the feed, whether or not the feed runs. */
  get newest(): number {
    const { run, startMs } = this.run!
    return run * RUN_SPAN + Math.floor(((Date.now() - startMs) * this.options.ticksPerSecond) / 1000)
  }

  /** The relay that is active, if it can be asked. */
  async activeRelay(): Promise<Member | undefined> {
    const roles = await Promise.all(this.relays.map(async relay => (await relay.metrics())?.role))
    return this.relays[roles.indexOf('active')]
  }

  async startNats(): Promise<void> {
    if (!this.isOver) await this.nats.start()
  }

  /** Starts the feed again. It goes on with its run. */
  async startFeed(): Promise<void> {
    if (this.isOver) return
    const feed = fork(FEED_PROCESS, [JSON.stringify(this.run)])
    this.feed = feed
    await once(feed, 'message')
  }

  /** Starts the feed with a new epoch. */
  startNextRun(): Promise<void> {
    return this.startRun(this.run!.run + 1, this.run!.port)
  }

  signalFeed(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.feed!.kill(signal)
  }

  async killFeed(): Promise<void> {
    const { feed } = this
    if (feed === undefined || feed.exitCode !== null || feed.signalCode !== null) return
    const exited = once(feed, 'exit')
    feed.kill('SIGKILL')
    await exited
  }

  /** The feed ends its run. @returns the offset of the last tick */
  endFeed(): number {
    let last = this.newest + this.options.ticksPerSecond
    while (!this.record.isSent(last)) last++
    this.feed!.send({ lastPosition: last % RUN_SPAN } satisfies FeedOrder)
    return last
  }

  async stop(): Promise<void> {
    this.isOver = true
    await Promise.all(this.members.map(member => member.finish()))
    await this.killFeed()
    await this.nats.stop()
  }

  private async startRun(run: number, port: number): Promise<void> {
    const { symbols, ticksPerSecond } = this.options
    this.run = { run, port, symbols, ticksPerSecond, startMs: Date.now() }
    await this.startFeed()
  }
}

function gateway(
  number: number,
  port: number,
  env: Readonly<Record<string, string>>,
  options: { readonly main?: string },
): GatewayNode {
  const node: GatewayNode = {
    port,
    life: { knownFrom: Number.POSITIVE_INFINITY },
    member: new Member({
      ...options,
      name: `gateway ${number}`,
      args: [],
      env: { ...GATEWAY_ENV, ...env, RINGCAST_PORT: String(port) },
      startedLine: 'accepting clients',
      starting: () => {
        node.life = { knownFrom: Number.POSITIVE_INFINITY }
      },
    }),
  }
  return node
}
