/**
 * Clients that change their subscriptions and move between gateways, while processes of the cluster are killed, stopped and
 * started again. Each client's model compares all that the client gets with the feed's record.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../src/common/random.js'
import { SdkStormClient } from '../support/sdk-storm-client.js'
import { StormClient } from '../support/storm-client.js'
import { StreamModel } from '../support/stream-model.js'
import { Cluster } from './cluster.js'
import { ClusterServers, type Node } from './cluster-servers.js'
import { FAULTS, type Fault, loseTicks } from './faults.js'
import { RUN_SPAN, RunRecord } from './run-record.js'
import { Scoreboard } from './scoreboard.js'

export interface ClusterStormOptions {
  readonly seed: number
  readonly clients: number
  /** Clients that use the library `@ringcast/client`, beside the others. */
  readonly sdkClients: number
  /** The faults, in their order. Several in one entry are injected at once. */
  readonly schedule: readonly (readonly Fault[])[]
  readonly ticksPerSecond: number
  /** The file of the command. Default: that of this build. */
  readonly main?: string | undefined
  /** Ends the storm: the test is over. */
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

export interface ClusterStormResult {
  /** The first ones of each client. */
  readonly silentErrors: readonly string[]
  /** Processes that ended by themselves, or a stream that stood still. */
  readonly complaints: readonly string[]
  readonly scoreboard: string
  /** The last lines of each process. */
  readonly logs: readonly string[]
  /** Of this process, in cores: a checker that is busy falls behind. */
  readonly checkerCores: number
  readonly ticks: number
  readonly moves: number
  readonly resumed: number
  readonly resumedByCommand: number
  readonly merged: number
  readonly snapshots: number
  /** Of the clients that use the library: ticks that subscriptions got, connections, and gaps that they were told of. */
  readonly sdkTicks: number
  readonly sdkConnections: number
  readonly sdkGaps: number
}

const SYMBOLS = ['AAA', 'AAB', 'ABA', 'ABB', 'BAA', 'BAB', 'BBA', 'BBB']
const ENTRIES = [...SYMBOLS, 'A*', 'AA*', 'AB*', 'B*', 'BB*', '*']
const INTERVALS_MS = [0, 20, 250]
/** Each client does something about once in so many ms. */
const STEP_MS = 1_000
/** Whatever happens, some client gets further in this time: the machine may be slow, but nothing may stand still. */
const STILL_MAX_MS = 30_000
const POLL_MS = 20
const LOG_LINES = 40
const ERRORS_SHOWN = 3

interface Peer {
  readonly client: StormClient
  readonly servers: ClusterServers
}

export async function clusterStorm(options: ClusterStormOptions): Promise<ClusterStormResult> {
  const cluster = new Cluster({ ...options, symbols: SYMBOLS })
  const storm = new ClusterStorm(cluster, options)
  const aborted = new Promise<never>((_, reject) => {
    options.signal.addEventListener('abort', () => reject(options.signal.reason), { once: true })
  })
  try {
    await Promise.race([cluster.start(), aborted])
    return await Promise.race([storm.run(), aborted])
  } finally {
    storm.end()
    await cluster.stop()
  }
}

class ClusterStorm {
  private readonly cluster: Cluster
  private readonly options: ClusterStormOptions
  private readonly random: Random
  private readonly peers: Peer[] = []
  /** Clients that stay at one gateway, and get every tick. */
  private readonly watchers: Peer[] = []
  private readonly sdkClients: SdkStormClient[] = []
  private readonly complaints: string[] = []
  private stepTimer: NodeJS.Timeout | undefined

  constructor(cluster: Cluster, options: ClusterStormOptions) {
    this.cluster = cluster
    this.options = options
    this.random = new Random(options.seed)
  }

  async run(): Promise<ClusterStormResult> {
    const { clients, say, schedule, sdkClients } = this.options
    const { gateways } = this.cluster
    for (const gateway of gateways) this.watchers.push(this.peer([gateway], ['*'], 1))
    await this.recover('the start')
    for (let count = 0; count < clients; count++) this.peers.push(this.peer(gateways, ENTRIES, 0.6))
    for (let count = 0; count < sdkClients; count++) this.sdkClients.push(this.sdkClient())
    const all = [...this.watchers, ...this.peers]
    const scoreboard = new Scoreboard(all.map(({ client }) => client.model))
    this.stepTimer = setInterval(() => this.step(), STEP_MS / clients)
    for (const faults of schedule) {
      const name = faults.map(fault => fault.name).join(', ')
      scoreboard.injected(faults.length > 1 ? 'two of these at once' : name)
      say(name)
      this.cluster.record.losesTicks = loseTicks(faults)
      await Promise.all(faults.map(fault => fault.inject(this.cluster, this.random)))
      await this.recover(name)
      if (this.complaints.length > 0) break
    }
    clearInterval(this.stepTimer)
    if (this.complaints.length === 0) await this.settle()
    return this.result(scoreboard.end())
  }

  end(): void {
    clearInterval(this.stepTimer)
    for (const { client } of [...this.watchers, ...this.peers]) client.close()
    for (const client of this.sdkClients) client.close()
  }

  private peer(nodes: readonly Node[], entries: readonly string[], everyChance: number): Peer {
    const { random } = this
    const { record } = this.cluster
    const servers = new ClusterServers(nodes, record, random)
    const model = new StreamModel(record, {
      knownFrom: () => servers.knownFrom,
      feedLoses: true,
      checksStatuses: false,
    })
    servers.attach(model)
    const wishes = { entries, everyChance, intervalsMs: INTERVALS_MS, resumeChance: 0.5 }
    return { servers, client: new StormClient({ ...wishes, servers, model, random }) }
  }

  private sdkClient(): SdkStormClient {
    const { random } = this
    const { gateways, record } = this.cluster
    return new SdkStormClient({
      record,
      random,
      entries: ENTRIES,
      intervalsMs: INTERVALS_MS,
      urlOf: query => `ws://127.0.0.1:${gateways[random.below(gateways.length)]!.port}/ws/ticks${query}`,
      placeOf: position => RunRecord.placeOf(position),
      startOf: place => place - (place % RUN_SPAN),
    })
  }

  /** Some client does something. */
  private step(): void {
    const { clients, sdkClients } = this.options
    this.sdkClients[this.random.below(clients + sdkClients)]?.step()
    const { client } = this.peers[this.random.below(this.peers.length)]!
    if (this.random.next() < 0.1) client.reconnect()
    else client.step()
  }

  /** Waits until each gateway has what the feed has sent by now. */
  private async recover(fault: string): Promise<void> {
    await this.reach(this.cluster.newest, `after ${fault}`)
  }

  /** Waits until each gateway has come so far, as long as each one that has not gets further. */
  private async reach(offset: number, when: string): Promise<void> {
    const places = () => this.watchers.map(({ client }) => client.model.offset)
    const behind = () => Math.min(...places())
    await this.waitUntil(
      () => behind() >= offset,
      behind,
      () => `${when} the gateways stand still at ${places().join(', ')} in place of ${offset}`,
    )
  }

  /** @param progress a number that must rise meanwhile */
  private async waitUntil(
    holds: () => boolean,
    progress: () => number,
    complaint: () => string,
  ): Promise<void> {
    let last = progress()
    let sinceMs = performance.now()
    while (!holds()) {
      const now = progress()
      if (now !== last) sinceMs = performance.now()
      last = now
      if (performance.now() - sinceMs > STILL_MAX_MS) {
        this.complaints.push(complaint())
        return
      }
      await sleep(POLL_MS)
    }
  }

  /** The feed ends. Each client gets all that it is due. */
  private async settle(): Promise<void> {
    const last = this.cluster.endFeed()
    await this.reach(last, 'at the end')
    const all = [...this.watchers, ...this.peers]
    let settled = 0
    const clients = [...all.map(({ client }) => client), ...this.sdkClients]
    const settling = clients.map(async client => {
      await client.settle(last)
      settled++
    })
    const isDone = () => settled === clients.length
    await this.waitUntil(
      isDone,
      () => settled,
      () => `${clients.length - settled} clients wait for ever`,
    )
    if (isDone()) {
      await Promise.all(settling)
      for (const { client } of all) client.model.end(last)
    }
  }

  private result(scoreboard: string): ClusterStormResult {
    const all = [...this.watchers, ...this.peers]
    const models = all.map(({ client }) => client.model)
    const sum = (numberOf: (model: StreamModel) => number) =>
      models.reduce((total, model) => total + numberOf(model), 0)
    const sdkModels = this.sdkClients.flatMap(client => client.models)
    const { members } = this.cluster
    const cpu = process.cpuUsage()
    return {
      silentErrors: [...models, ...this.sdkClients].flatMap((client, index) => {
        const kind = client instanceof SdkStormClient ? 'client with the library' : 'client'
        return client.silentErrors.slice(0, ERRORS_SHOWN).map(text => `${kind} ${index}: ${text}`)
      }),
      complaints: [...this.complaints, ...members.flatMap(({ complaints }) => complaints)],
      scoreboard,
      logs: members.flatMap(member => member.tail(LOG_LINES)),
      checkerCores: (cpu.user + cpu.system) / 1e6 / process.uptime(),
      ticks: sum(({ ticks }) => ticks),
      moves: this.peers.reduce((total, { servers }) => total + servers.moves, 0),
      resumed: sum(({ resumed }) => resumed),
      resumedByCommand: sum(({ resumedByCommand }) => resumedByCommand),
      merged: sum(({ merged }) => merged),
      snapshots: sum(({ snapshots }) => snapshots),
      sdkTicks: sdkModels.reduce((total, { ticks }) => total + ticks, 0),
      sdkConnections: this.sdkClients.reduce((total, { connections }) => total + connections, 0),
      sdkGaps: sdkModels.reduce((total, { gaps }) => total + gaps, 0),
    }
  }
}

/** All faults once in each round, in a random order, and some of them two at once. */
export function scheduleOf(seed: number, rounds: number): Fault[][] {
  const random = new Random(seed)
  const schedule: Fault[][] = []
  for (let round = 0; round < rounds; round++) {
    for (const fault of shuffled(FAULTS, random)) schedule.push([fault])
    for (let pairs = 0; pairs < 2; pairs++) {
      const [one, ...others] = shuffled(FAULTS, random)
      const other = others.find(each => partOf(each) !== partOf(one!))!
      schedule.splice(random.below(schedule.length), 0, [one!, other])
    }
  }
  return schedule
}

/** What a fault hits. No process is hit twice at once. */
function partOf({ name }: Fault): string {
  return ['gateway', 'relay', 'feed', 'nats'].find(part => name.includes(part))!
}

function shuffled<Item>(items: readonly Item[], random: Random): Item[] {
  return items
    .map(item => ({ item, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
