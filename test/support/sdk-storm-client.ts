/**
 * A client of a storm that is the client library: an application subscribes, unsubscribes, stops reading, and its connections are
 * cut. Each of its subscriptions is compared with the feed's record, in the hands of the application.
 */
import { connect, type Stream } from '@ringcast/client'
import { WebSocket } from 'ws'
import type { Random } from '../../src/common/random.js'
import type { FeedRecord } from './feed-record.js'
import { SubscriptionModel } from './subscription-model.js'
import { until } from './until.js'

export interface SdkStormOptions {
  readonly record: FeedRecord
  readonly random: Random
  /** Symbols and prefixes to choose from. */
  readonly entries: readonly string[]
  readonly intervalsMs: readonly number[]
  /** Where the next connection goes. @param query what the library asks for, with its `?` */
  readonly urlOf: (query: string) => string
  /** As of SubscriptionModel. */
  readonly placeOf: (position: string | undefined) => number | undefined
  readonly startOf: (place: number) => number
}

interface Application {
  readonly model: SubscriptionModel
  close(): void
}

const SUBSCRIPTIONS_MAX = 4
/** A gateway that is stopped does not answer a handshake. */
const HANDSHAKE_TIMEOUT_MS = 3_000

export class SdkStormClient {
  connections = 0
  /** Also of subscriptions that were closed. */
  readonly models: SubscriptionModel[] = []
  private readonly options: SdkStormOptions
  private readonly stream: Stream
  private socket: WebSocket | undefined
  private applications: Application[] = []
  private complaint: string | undefined

  constructor(options: SdkStormOptions) {
    this.options = options
    const client = this
    class Routed extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(options.urlOf(new URL(url).search), protocols, { handshakeTimeout: HANDSHAKE_TIMEOUT_MS })
        client.socket = this
        client.connections++
      }
    }
    const { random } = options
    this.stream = connect('ws://gateway/ws/ticks', {
      WebSocket: Routed,
      heartbeat: 1_000,
      random: () => random.next() / 20,
    })
    this.stream.on('state', ({ code, reason, state }) => {
      if (state === 'closed' && code !== 'ended') this.complaint = `the stream has ended: ${reason}`
    })
    // One that stays.
    this.subscribe(['*'], 'every')
  }

  get silentErrors(): readonly string[] {
    const { complaint, models } = this
    return [...(complaint ? [complaint] : []), ...models.flatMap(({ silentErrors }) => silentErrors)]
  }

  /** The offset of the record up to where the application has everything; 0: it is not known. */
  get offset(): number {
    return this.options.placeOf(this.stream.position) ?? 0
  }

  /** Does one random thing. */
  step(): void {
    const { entries, random } = this.options
    const dice = random.next()
    if (dice < 0.04) this.socket?.terminate()
    else if (dice < 0.08) this.pause()
    else if (dice < 0.4) this.read()
    else if (dice < 0.7) {
      const symbols = Array.from(
        { length: 1 + random.below(3) },
        () => entries[random.below(entries.length)]!,
      )
      this.subscribe([...new Set(symbols)], random.next() < 0.6 ? 'every' : 'latest')
    } else if (this.applications.length > 1)
      this.applications.splice(1 + random.below(this.applications.length - 1), 1)[0]!.close()
  }

  /** Resolves when the application has everything up to `offset`. */
  async settle(offset: number): Promise<void> {
    this.read()
    await until(
      () =>
        this.complaint !== undefined ||
        (this.stream.state === 'live' &&
          this.offset >= offset &&
          this.applications.every(({ model }) => model.hasNewest(offset))),
    )
    for (const { model } of this.applications) model.end(offset)
  }

  close(): void {
    this.stream.close()
    this.socket?.terminate()
  }

  private pause(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.pause()
  }

  private read(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.resume()
  }

  private subscribe(symbols: readonly string[], delivery: 'every' | 'latest'): void {
    if (this.applications.length > SUBSCRIPTIONS_MAX || this.complaint !== undefined) return
    const { intervalsMs, placeOf, random, record, startOf } = this.options
    const { stream } = this
    const model = new SubscriptionModel({ record, symbols, delivery, placeOf, startOf })
    const interval = intervalsMs[random.below(intervalsMs.length)]!
    const subscription = stream.subscribe(symbols, { delivery, interval, snapshot: true })
    for (const type of ['ticks', 'snapshot', 'gap', 'refused'] as const)
      subscription.on(type, item => model.take(item, stream.position))
    this.models.push(model)
    this.applications.push({ model, close: () => subscription.close() })
  }
}
