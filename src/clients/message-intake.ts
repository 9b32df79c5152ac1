/**
 * Takes the messages of one client: counts each, charges its work, and lets it wait while a budget is in debt. Main
 * thread. While a message waits, the socket is not read and nothing is inflated. So only the rest of one read waits
 * behind it.
 */
import type { Clock, Timer } from '../common/clock.js'
import type { Inflation } from '../common/guarded-web-socket.js'
import type { HandlerOptions } from '../config/config.js'
import type { CounterWriter } from '../memory/counters.js'
import { MAIN_SLOTS, type MainMetric } from '../metrics/metric-table.js'
import { CLOSE_CODES } from '../protocol/close-codes.js'
import type { Client } from './client.js'
import type { ClientRegistry } from './client-registry.js'
import type { CommandHandler } from './command-handler.js'
import type { MessageQuota } from './message-quota.js'
import { BURST_SECONDS, type WorkBudget } from './work-budgets.js'

interface Command {
  readonly kind: 'command'
  readonly data: Buffer
  readonly isBinary: boolean
}

export type Message =
  | Command
  | { readonly kind: 'ping'; readonly data: Buffer }
  | { readonly kind: 'pong'; readonly data: Buffer }

/** Reserved for each byte of a message before its content is known: about the work of a list of short symbols. */
const RESERVED_PER_BYTE = 8
/**
 * After a refusal, a client is not read until the debt is paid, or for this long. The more clients of an address are
 * refused, the longer the debt and the rarer their messages. Otherwise refusals alone could use up the budget.
 */
const PAUSE_MS_MAX = 5000

export interface MessageIntakeDeps {
  readonly registry: ClientRegistry
  readonly commands: CommandHandler
  readonly settings: HandlerOptions
  readonly clock: Clock
  readonly counters: CounterWriter
}

export class MessageIntake {
  private readonly client: Client
  private readonly deps: MessageIntakeDeps
  private readonly quota: MessageQuota
  private readonly work: WorkBudget
  /** Set while messages wait. */
  private timer: Timer | undefined
  /** The message whose work is reserved. The timer ends when it may be carried out. */
  private reserved: Command | undefined
  /** The messages behind it, which came with the same read. */
  private readonly queue: Command[] = []
  private heldInflation: Inflation | undefined
  private chargedReplyWork = 0
  private isStopped = false

  constructor(client: Client, quota: MessageQuota, work: WorkBudget, deps: MessageIntakeDeps) {
    this.client = client
    this.quota = quota
    this.work = work
    this.deps = deps
  }

  take(message: Message): void {
    const client = this.client
    if (client.state !== 'open' || this.isStopped) return
    const verdict = client.readsReplies ? this.quota.judge() : 'close'
    if (verdict === 'close')
      this.deps.registry.closeWithoutReading(client, CLOSE_CODES.tooManyRequests, 'disconnectProtocol')
    else if (verdict === 'refuse') this.refuse(message)
    // Short, and a client may judge the connection by its pongs.
    else if (message.kind === 'ping') client.pong(message.data)
    else if (message.kind === 'pong') return
    else if (this.timer !== undefined) this.queue.push(message)
    else this.begin(message)
  }

  /** The connection is gone: drops the messages that wait. */
  stop(): void {
    this.isStopped = true
    this.timer?.cancel()
    this.timer = undefined
    this.reserved = undefined
    this.queue.length = 0
    this.releaseInflation()
  }

  private begin(message: Command): void {
    this.chargeReplies()
    const waitMs = this.work.reserve(reservedFor(message))
    if (waitMs === undefined) this.refuse(message)
    else if (waitMs === 0) this.carryOut(message)
    else {
      this.reserved = message
      this.count('commandsDelayed')
      this.wait(waitMs)
    }
  }

  private carryOut(message: Command): void {
    const { data, isBinary } = message
    const work = data.length + this.deps.commands.handle(this.client, data, isBinary)
    this.work.charge(work - reservedFor(message))
  }

  /** Refuses a message. While a budget is in debt, the client is not read for a while. */
  private refuse(message: Message): void {
    this.replyRefused(message)
    if (this.timer !== undefined) return
    const debtMs = this.work.debtMs()
    if (debtMs === 0) return
    // The commands that came with the same read would have to wait as long, one after another.
    for (const next of this.queue.splice(0)) this.replyRefused(next)
    this.wait(Math.min(debtMs, this.pauseMsMax))
  }

  private replyRefused(message: Message): void {
    const { data, kind } = message
    this.work.charge(data.length)
    this.count('commandsRefused')
    const { commands } = this.deps
    const id = kind === 'command' && !message.isBinary ? commands.idOf(data) : undefined
    if (kind !== 'pong' && (id !== undefined || this.quota.tryError())) commands.refuse(this.client, id)
  }

  /** A pong that comes during the pause must still be in time. */
  private get pauseMsMax(): number {
    return Math.min(PAUSE_MS_MAX, this.deps.settings.pongTimeoutMs / 2)
  }

  private wait(waitMs: number): void {
    const { socket } = this.client
    this.deps.registry.heartbeat.restartTimeouts(this.client)
    socket.pause()
    this.timer = this.deps.clock.after(waitMs, () => socket.guard(() => this.continue()))
  }

  private continue(): void {
    this.timer = undefined
    if (this.client.state !== 'open') {
      this.stop()
      return
    }
    this.deps.registry.heartbeat.restartTimeouts(this.client)
    const reserved = this.reserved
    this.reserved = undefined
    if (reserved !== undefined) this.carryOut(reserved)
    while (this.timer === undefined && this.client.state === 'open') {
      const next = this.queue.shift()
      if (next === undefined) {
        this.readOn()
        return
      }
      this.begin(next)
    }
  }

  private readOn(): void {
    this.client.socket.resume()
    this.releaseInflation()
  }

  /**
   * Charges the replies of the lane since the client's last message. A large one uses up the burst and no more.
   */
  private chargeReplies(): void {
    const { replyWork } = this.client.recipient
    const work = replyWork - this.chargedReplyWork
    this.work.chargeOwn(Math.min(work, BURST_SECONDS * this.deps.settings.clientWorkPerSecond))
    this.chargedReplyWork = replyWork
  }

  /** Decides about the next compressed message. The library waits for it before it reads the one behind. */
  inflate(inflation: Inflation): void {
    if (this.isStopped || this.client.state !== 'open') inflation.skip()
    else if (this.timer === undefined) inflation.run()
    else this.heldInflation = inflation
  }

  private releaseInflation(): void {
    const held = this.heldInflation
    this.heldInflation = undefined
    if (held !== undefined) this.inflate(held)
  }

  private count(metric: MainMetric): void {
    this.deps.counters.values[MAIN_SLOTS[metric]]! += 1
  }
}

function reservedFor({ data }: Command): number {
  return data.length * RESERVED_PER_BYTE
}
