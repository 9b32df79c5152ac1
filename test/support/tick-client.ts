/**
 * A real WebSocket client that keeps its ticks and checks what the protocol promises: `seq` rises by one with each `ticks`
 * message, every other message with a `seq` sets it, and `offset` never falls while the epoch is the same.
 */
import { WebSocket } from 'ws'
import type { GapMessage, ServerMessage, SubscribedMessage, TickJson } from '../../src/protocol/messages.js'

export class TickClient {
  readonly socket: WebSocket
  readonly ticks: TickJson[] = []
  /** Gaps that tell a loss. */
  readonly gaps: GapMessage[] = []
  /** The epochs that were named, in their order. */
  readonly epochs: string[] = []
  subscribed: SubscribedMessage | undefined
  /** Broken promises. Must stay empty. */
  readonly silentErrors: string[] = []
  /** Gets every message before it is checked. */
  onMessage: ((message: ServerMessage) => void) | undefined
  closed: { code: number; reason: string } | undefined
  private seq = -1
  private offset = -1
  private readonly waiting: { isDone: () => boolean; resolve: () => void }[] = []

  private constructor(url: string) {
    this.socket = new WebSocket(url)
    this.socket.on('message', data => this.take(JSON.parse(String(data)) as ServerMessage))
    this.socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) }
      this.settle()
    })
  }

  /** Connects, and resolves when the client is subscribed. @param onMessage see the field */
  static async connect(url: string, onMessage?: (message: ServerMessage) => void): Promise<TickClient> {
    const client = new TickClient(url)
    client.onMessage = onMessage
    let failure: unknown
    client.socket.on('error', error => {
      failure ??= error
    })
    await client.until(() => client.subscribed !== undefined)
    if (client.subscribed === undefined) throw failure ?? new Error(`closed with ${client.closed?.code}`)
    return client
  }

  /** Resolves when `isDone` holds after a message, or at the end of the connection. */
  until(isDone: () => boolean): Promise<void> {
    if (isDone() || this.closed !== undefined) return Promise.resolve()
    return new Promise(resolve => {
      this.waiting.push({ isDone, resolve })
    })
  }

  /** The ticks that gaps have reported. */
  get missed(): number {
    return this.gaps.reduce((sum, { missed }) => sum + (missed ?? 0), 0)
  }

  async close(): Promise<void> {
    this.socket.close()
    await this.until(() => false)
  }

  private take(message: ServerMessage): void {
    this.onMessage?.(message)
    switch (message.type) {
      case 'subscribed':
      case 'unsubscribed':
        if (message.type === 'subscribed') this.subscribed ??= message
        this.seq = message.seq
        this.setEpoch(message.epoch)
        this.offset = message.offset
        break
      case 'subscriptions':
      case 'pong':
        break
      case 'gap':
        if (message.missed !== 0) this.gaps.push(message)
        this.seq = message.seq
        if (message.epoch === undefined) break
        this.setEpoch(message.epoch)
        this.offset = message.offset!
        break
      case 'ticks':
        if (message.seq !== ++this.seq) this.silentErrors.push(`seq ${message.seq} in place of ${this.seq}`)
        if (message.offset < this.offset)
          this.silentErrors.push(`offset ${message.offset} after ${this.offset}`)
        this.seq = message.seq
        this.offset = message.offset
        for (const tick of message.ticks) this.ticks.push(tick)
        break
      case 'snapshot':
      case 'live':
        this.seq = message.seq
        this.offset = message.offset
        break
      case 'heartbeat':
        if (message.seq !== this.seq) this.silentErrors.push(`a heartbeat at ${message.seq}, not ${this.seq}`)
        if (message.offset < this.offset)
          this.silentErrors.push(`offset ${message.offset} after ${this.offset}`)
        this.offset = message.offset
        break
      case 'status':
      case 'goodbye':
      case 'error':
        break
    }
    this.settle()
  }

  private setEpoch(name: string): void {
    if (this.epochs.at(-1) !== name) this.epochs.push(name)
  }

  private settle(): void {
    for (let index = this.waiting.length - 1; index >= 0; index--) {
      const { isDone, resolve } = this.waiting[index]!
      if (this.closed === undefined && !isDone()) continue
      this.waiting.splice(index, 1)
      resolve()
    }
  }
}
