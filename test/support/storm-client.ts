/**
 * A client that does whatever a client may do, at random: changes what it wants and how, stops reading, goes away and comes
 * back. All that it is sent goes to its model.
 */
import { WebSocket } from 'ws'
import type { Random } from '../../src/common/random.js'
import type { ServerMessage } from '../../src/protocol/messages.js'
import { type FeedRecord, StreamModel } from './stream-model.js'
import { Watched } from './watched.js'

/** How the server may end a connection: of somebody who does not read … */
const CLOSED_FOR_SLOWNESS = [1006, 1008, 4008]
/** … or at whose answers two lanes have died. */
const CLOSED_FOR_FAULTS = 1011

export interface StormClientOptions {
  readonly urlOf: (query: string) => string
  /** Whether the server's lanes fail on purpose. */
  readonly lanesFail: boolean
  readonly record: FeedRecord
  /** Symbols and prefixes that it may ask for. */
  readonly entries: readonly string[]
  readonly random: Random
  /** Likelihood of a step to end a pause. */
  readonly resumeChance: number
  /** Likelihood to want every tick. */
  readonly everyChance: number
  readonly intervalsMs: readonly number[]
}

export class StormClient extends Watched {
  readonly model: StreamModel
  connections = 0
  private socket: WebSocket | undefined
  private isSubscribed = false
  private isPaused = false
  private asked = 0
  private answered = 0
  /** Whether the last command that was answered was done. */
  private wasDone = false
  private readonly options: StormClientOptions

  constructor(options: StormClientOptions) {
    super()
    this.options = options
    this.model = new StreamModel(options.record)
    this.connect('')
  }

  /** One thing at random. */
  step(): void {
    const { random, resumeChance } = this.options
    const dice = random.next()
    if (this.isPaused && random.next() < resumeChance) this.read()
    else if (dice < 0.05) this.pause()
    else if (dice < (this.isPaused ? 0.055 : 0.08)) this.comeBack()
    else if (dice < 0.6) this.askSome(this.someEntries())
    else if (dice < 0.75) this.askTogether()
  }

  /** Reads all that there is, and is answered once more: then it has everything that it is due. */
  async settle(): Promise<void> {
    this.read()
    do {
      await this.until(() => this.isSubscribed && this.answered === this.asked)
      // While another change waits it may be refused, and no answer is lost but with the connection.
      this.subscribe(this.someEntries())
      // The rest of a snapshot comes behind the answer, much later where a lane dies in between.
      await this.until(() => this.isSubscribed && this.answered === this.asked && !this.model.isPartial)
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

  /** Commands that the server reads at once, most of them about the same entries: all but the first are done together. */
  private askTogether(): void {
    const { random } = this.options
    const entries = this.someEntries()
    for (let count = 2 + random.below(4); count > 0; count--)
      this.askSome(random.next() < 0.7 ? entries : this.someEntries())
  }

  private askSome(symbols: readonly string[]): void {
    if (this.options.random.next() < 0.6) this.subscribe(symbols)
    else this.ask({ type: 'unsubscribe', symbols })
  }

  private subscribe(symbols: readonly string[]): void {
    const { random } = this.options
    const delivery = this.someDelivery()
    const snapshot = random.next() < 0.3 ? random.next() < 0.5 : undefined
    if (!this.isSubscribed) return
    if (snapshot ?? delivery.delivery === 'latest') this.model.snapshotAsked(this.asked + 1)
    this.ask({ type: 'subscribe', symbols, ...delivery, snapshot })
  }

  private ask(command: Readonly<Record<string, unknown>>): void {
    if (this.isSubscribed) this.socket?.send(JSON.stringify({ ...command, id: ++this.asked }))
  }

  private pause(): void {
    this.isPaused = true
    if (this.isSubscribed) this.socket?.pause()
  }

  private read(): void {
    this.isPaused = false
    this.socket?.resume()
  }

  /** Goes away without a word; comes back for what it missed, or for something else. */
  private comeBack(): void {
    const { random } = this.options
    if (!this.isSubscribed) return
    const { epoch, offset } = this.model
    const resumes = random.next() < 0.8
    this.leave()
    const lag = random.next() < 0.2 ? '&maxLagBytes=20000' : ''
    if (!resumes) this.connect(lag)
    else if (random.next() < 0.05) this.connect(`${lag}&resume=another:${offset}`)
    else this.connect(`${lag}&resume=${epoch}:${offset}`, offset)
  }

  private leave(): void {
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
    if ('interval' in interval) form.set('interval', `${interval.interval}`)
    const socket = new WebSocket(this.options.urlOf(`?${form}${parameters}`))
    this.socket = socket
    this.asked = 0
    this.answered = 0
    this.wasDone = false
    this.connections++
    this.model.connected(resumedOffset)
    socket.on('message', data => this.take(JSON.parse(String(data)) as ServerMessage))
    socket.on('error', error => this.model.silentErrors.push(String(error)))
    socket.on('close', code => {
      const isExpected =
        CLOSED_FOR_SLOWNESS.includes(code) || (code === CLOSED_FOR_FAULTS && this.options.lanesFail)
      if (!isExpected) this.model.silentErrors.push(`closed with ${code}`)
      const { epoch, offset } = this.model
      this.isSubscribed = false
      if (epoch === '') this.connect('')
      else this.connect(`&resume=${epoch}:${offset}`, offset)
    })
  }

  private take(message: ServerMessage): void {
    this.model.take(message)
    if (message.type === 'error' || ('id' in message && message.id !== undefined)) {
      this.answered++
      this.wasDone = message.type !== 'error'
    }
    if (message.type === 'subscribed' && !this.isSubscribed) {
      this.isSubscribed = true
      if (this.isPaused) this.socket?.pause()
    }
    this.changed()
  }
}
