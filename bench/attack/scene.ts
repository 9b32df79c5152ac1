/**
 * The processes of one attack, from start to end: a feed, the built gateway, the live clients, and the attacker.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Child, type Runtime } from '../processes/child.js'
import { freePort } from '../processes/free-port.js'
import type { ConnectAnswer, ConnectRequest, LoadReport } from '../processes/load.js'
import { machineCpuUs } from '../processes/machine-cpu.js'
import { serverKind } from '../processes/server-kinds.js'
import type { Attack, AttackReport, Target } from './attack.js'

/** Ticks a second. */
const RATE = 1000
const SYMBOLS_DEFAULT = 50
/** The default: attackers take places too. */
const MAX_CLIENTS = 1000
const STEADY_FEED = 'processes/feed.js'
/** The longest wait before each measured time, in which queued ticks are sent. */
const SETTLE_SECONDS_MAX = 1
/** Time that an attack may take beyond its duration. */
const GRACE_MS = 60_000

export interface SceneOptions {
  readonly attack: Attack
  readonly clients: number
  /** Duration of one attack. */
  readonly seconds: number
}

export class Scene {
  private readonly options: SceneOptions
  private readonly children: Child[] = []
  private feed!: Child
  private gateway!: Child
  private clients!: Child
  private attacker!: Child

  private constructor(options: SceneOptions) {
    this.options = options
  }

  /** Resolves when all live clients are connected and ticks flow. */
  static async open(options: SceneOptions): Promise<Scene> {
    const scene = new Scene(options)
    try {
      await scene.start()
      return scene
    } catch (error) {
      await scene.close()
      throw error
    }
  }

  /** Exit code of the gateway, or the signal that ended it; undefined: it runs. */
  get exit(): Child['exit'] {
    return this.gateway.exit
  }

  /** Errors in the log of the gateway. */
  get complaints(): readonly string[] {
    return this.gateway.complaints
  }

  /** 0 when it has ended. */
  get rssBytes(): number {
    return this.exit === undefined ? this.gateway.usage().rssBytes : 0
  }

  /** The most so far; 0 when it has ended. */
  get rssBytesMax(): number {
    return this.exit === undefined ? this.gateway.usage().rssBytesMax : 0
  }

  /** CPU time of all other processes of the machine since its start, µs; NaN when the gateway has ended. */
  get otherCpuUs(): number {
    if (this.exit !== undefined) return Number.NaN
    return machineCpuUs() - this.children.reduce((sum, child) => sum + child.usage().cpuUs, 0)
  }

  /** Measures the live clients for so long, without an attack. */
  async quiet(seconds: number): Promise<LoadReport> {
    await sleep(1000 * Math.min(seconds, SETTLE_SECONDS_MAX))
    return await this.measured(sleep(seconds * 1000))
  }

  /** Measures the live clients during one attack. */
  async attacked(): Promise<{ readonly report: AttackReport; readonly clients: LoadReport }> {
    const { attack, seconds } = this.options
    await sleep(1000 * Math.min(seconds, SETTLE_SECONDS_MAX))
    const target: Target = { port: await this.port(), pid: this.gateway.pid, seconds }
    const withinMs = 4 * seconds * 1000 + GRACE_MS
    const attacking =
      attack.run === undefined
        ? this.feed.ask<AttackReport>('attack', { seconds }, withinMs)
        : this.attacker.ask<AttackReport>('attack', { name: attack.name, target }, withinMs)
    const clients = await this.measured(attacking)
    return { report: await attacking, clients }
  }

  /** Results of the live clients, whatever the times. */
  async seenByClients(): Promise<LoadReport> {
    return await this.clients.ask<LoadReport>('end')
  }

  /** Ticks that the feed has made. */
  async ticksMade(): Promise<number> {
    return await this.feed.ask<number>('count')
  }

  async close(): Promise<void> {
    // The attacker and the clients end first, so that none of them finds the gateway gone.
    for (const child of this.children.toReversed()) await child.stop()
  }

  private async measured(during: Promise<unknown>): Promise<LoadReport> {
    await this.clients.ask('begin')
    await during
    return await this.clients.ask<LoadReport>('end')
  }

  private async port(): Promise<number> {
    return Number(new URL(await this.gateway.told('webSocketUrl')).port)
  }

  private async start(): Promise<void> {
    const { attack, clients, seconds } = this.options
    const start = (file: string, args: readonly string[], runtime?: Runtime): Child => {
      const child = new Child(file, args, runtime)
      this.children.push(child)
      return child
    }
    const address = `127.0.0.1:${await freePort()}`
    this.feed = start(attack.feed ?? STEADY_FEED, [
      address,
      String(attack.symbols ?? SYMBOLS_DEFAULT),
      'steady',
      '1',
    ])
    const { args, file, runtime } = serverKind('ringcast')
    const needs = {
      upstream: await this.feed.told('address'),
      clients: MAX_CLIENTS,
      deflate: false,
      settings: attack.settings?.(seconds) ?? [],
    }
    this.gateway = start(file, args(needs), runtime)
    this.clients = start('processes/load.js', [])
    this.attacker = start('attack/attacker.js', [])
    for (const child of [this.clients, this.attacker]) await child.told('ready')
    const request: ConnectRequest = {
      port: await this.port(),
      paths: new Array<string>(clients).fill('/ws/ticks'),
      witnessEvery: 1,
      parseEvery: 1,
      deflate: false,
      isSocketIo: false,
    }
    const { refusal } = await this.clients.ask<ConnectAnswer>('connect', request)
    if (refusal !== undefined) throw new Error(`the gateway let a live client not in: ${refusal}`)
    await this.feed.ask('rate', { rate: RATE })
  }
}
