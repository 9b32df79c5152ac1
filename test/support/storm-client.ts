/**
 * A client with random behaviour: changes its subscriptions, stops reading, disconnects and reconnects.
 * Every message that it gets goes to its model.
 */
import type { WebSocket } from 'ws'
import type { Random } from '../../src/common/random.js'
import type { ServerMessage } from '../../src/protocol/messages.js'
import type { StreamModel } from './stream-model.js'
import { Watched } from './watched.js'

/** What a client of a storm connects to. */
export interface StormServers {
  /** @param query the parameters of the URL, after a `?` */
  open(query: string): WebSocket
  /** The message in a frame. Its offsets are those of the record. */
  read(data: Buffer, isBinary: boolean): ServerMessage
  /** The connection has failed. @returns whether that may happen */
  mayFail(): boolean
  /** The connection has been closed. @returns ms until the client connects again; undefined: this must not happen */
  returnsAfterMs(code: number): number | undefined
  /** `<epoch>:<offset>` of an offset of the record; undefined: the client has not begun. */
  pointOf(epoch: string, offset: number): string | undefined
  /** A place of another epoch, which there is not. */
  strangePointOf(offset: number): string
  /** The first offset of the record that is of the same epoch. */
  firstOffset(offset: number): number
}

export interface StormClientOptions {
  readonly servers: StormServers
  readonly model: StreamModel
  /** Symbols and prefixes to choose from. */
  readonly entries: readonly string[]
  readonly random: Random
  /** The likelihood that a step ends a pause. */
  readonly resumeChance: number
  /** The likelihood of the delivery `every`. */
  readonly everyChance: number
  readonly intervalsMs: readonly number[]
}

export class StormClient extends Watched {
  readonly model: StreamModel
  connections = 0
  private socket: WebSocket | undefined
  private isSubscribed = false
  private isPaused = false
  private commandCount = 0
  private replyCount = 0
  /** Whether the last reply is not an error. */
  private wasDone = false
  private returnTimer: NodeJS.Timeout | undefined
  private readonly options: StormClientOptions

  constructor(options: StormClientOptions) {
    super()
    this.options = options
    this.model = options.model
    this.connect('')
  }

  /** Whether it is connected and has its first reply. */
  get isConnected(): boolean {
    return this.isSubscribed
  }

  /** Does one random thing. */
  step(): void {
    const { random, resumeChance } = this.options
    const dice = random.next()
    if (this.isPaused && random.next() < resumeChance) this.read()
    else if (dice < 0.05) this.pause()
    else if (dice < (this.isPaused ? 0.055 : 0.08)) this.reconnect()
    else if (dice < 0.6) this.changeSome(this.someEntries())
    else if (dice < 0.75) this.sendTogether()
  }

  /** Reads on and gets one more reply. Then the client has every message that it is due. */
  async settle(): Promise<void> {
    this.read()
    do {
      await this.until(() => this.isSubscribed && this.replyCount === this.commandCount)
      // A change may be refused while another one waits. Replies are lost only with the connection.
      this.subscribe(this.someEntries())
      // The rest of a snapshot follows the reply, much later when a lane dies in between.
      const isDone = () => !this.model.isPartial && !this.model.replay.isActive
      await this.until(() => this.isSubscribed && this.replyCount === this.commandCount && isDone())
    } while (!this.wasDone)
  }

  close(): void {
    this.leave()
  }

  private someEntries(): string[] {
    const { entries, random } = this.options
    return Array.from({ length: 1 + random.below(3) }, () => entries[random.below(entries.length)]!)
  }

  private someDelivery(): { delivery: 'every' } | { delivery: 'latest'; interval: number } {
    const { everyChance, intervalsMs, random } = this.options
    if (random.next() < everyChance) return { delivery: 'every' }
    return { delivery: 'latest', interval: intervalsMs[random.below(intervalsMs.length)]! }
  }

  /** Sends commands at once, most of them about the same entries. All but the first are done together. */
  private sendTogether(): void {
    const { random } = this.options
    const entries = this.someEntries()
    for (let count = 2 + random.below(4); count > 0; count--)
      this.changeSome(random.next() < 0.7 ? entries : this.someEntries())
  }

  private changeSome(symbols: readonly string[]): void {
    if (this.options.random.next() < 0.6) this.subscribe(symbols)
    else this.send({ type: 'unsubscribe', symbols })
  }

  private subscribe(symbols: readonly string[]): void {
    const { random } = this.options
    const delivery = this.someDelivery()
    const snapshot = random.next() < 0.3 ? random.next() < 0.5 : undefined
    const resume = random.next() < 0.25 ? this.someResumePoint() : undefined
    if (!this.isSubscribed) return
    if (resume === undefined && (snapshot ?? delivery.delivery === 'latest'))
      this.model.snapshotAsked(this.commandCount + 1)
    if (resume !== undefined) this.model.replay.asked(this.commandCount + 1, resume.offset)
    this.send({ type: 'subscribe', symbols, ...delivery, snapshot, resume: resume?.text })
  }

  /** A place in the past, mostly of this run. */
  private someResumePoint(): { readonly offset: number; readonly text: string } {
    const { random, servers } = this.options
    const { epoch, offset } = this.model
    const first = servers.firstOffset(offset)
    const past = random.next() < 0.4 ? offset : Math.max(first, offset - random.below(300))
    const point = random.next() < 0.05 ? undefined : servers.pointOf(epoch, past)
    return { offset: past, text: point ?? servers.strangePointOf(past) }
  }

  private send(command: Readonly<Record<string, unknown>>): void {
    if (this.isSubscribed) this.socket?.send(JSON.stringify({ ...command, id: ++this.commandCount }))
  }

  private pause(): void {
    this.isPaused = true
    if (this.isSubscribed) this.socket?.pause()
  }

  private read(): void {
    this.isPaused = false
    this.socket?.resume()
  }

  /** Disconnects without a close frame and reconnects, mostly to resume. */
  reconnect(): void {
    const { random, servers } = this.options
    if (!this.isSubscribed) return
    const resumes = random.next() < 0.8
    this.leave()
    const lag = random.next() < 0.2 ? '&maxLagBytes=20000' : ''
    if (!resumes) this.connect(lag)
    else if (random.next() < 0.05) this.connect(`${lag}&resume=${servers.strangePointOf(this.model.offset)}`)
    else this.resume(lag)
  }

  private resume(parameters: string): void {
    const { epoch, offset } = this.model
    const point = this.options.servers.pointOf(epoch, offset)
    if (point === undefined) this.connect(parameters)
    else this.connect(`${parameters}&resume=${point}`, offset)
  }

  private leave(): void {
    clearTimeout(this.returnTimer)
    this.socket?.removeAllListeners()
    this.socket?.on('error', () => {})
    this.socket?.terminate()
    this.isSubscribed = false
  }

  private connect(parameters: string, resumedOffset?: number): void {
    const { delivery, ...interval } = this.someDelivery()
    const symbols = this.someEntries().join(',')
    const form = new URLSearchParams({ symbols, delivery })
    if (this.options.random.next() < 0.2) form.set('batch', 'false')
    if (this.options.random.next() < 0.1) form.set('heartbeat', '1000')
    if ('interval' in interval) form.set('interval', `${interval.interval}`)
    const { servers } = this.options
    const socket = servers.open(`?${form}${parameters}`)
    this.socket = socket
    this.commandCount = 0
    this.replyCount = 0
    this.wasDone = false
    this.connections++
    this.model.connected(resumedOffset)
    socket.on('message', (data: Buffer, isBinary) => this.take(servers.read(data, isBinary)))
    socket.on('error', error => {
      if (!servers.mayFail()) this.model.wrong(String(error))
    })
    socket.on('close', code => {
      this.isSubscribed = false
      const delayMs = servers.returnsAfterMs(code)
      if (delayMs === undefined) this.model.wrong(`closed with ${code}`)
      if (delayMs === undefined || delayMs === 0) this.resume('')
      else this.returnTimer = setTimeout(() => this.resume(''), delayMs)
    })
  }

  private take(message: ServerMessage): void {
    this.model.take(message)
    if (message.type === 'error' || ('id' in message && message.id !== undefined)) {
      this.replyCount++
      this.wasDone = message.type !== 'error'
    }
    if (message.type === 'subscribed' && !this.isSubscribed) {
      this.isSubscribed = true
      if (this.isPaused) this.socket?.pause()
    }
    this.changed()
  }
}
