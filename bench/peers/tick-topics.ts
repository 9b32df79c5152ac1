/**
 * The common part of all peers: reads the feed with grpc-js and protobufjs, and publishes each tick to topics, in the
 * messages of Ringcast's protocol. The library of the peer sends a topic to its clients. Everything runs on one thread.
 *
 *   topic      its clients                         a message
 *   all        named no symbols                    the ticks of a turn of the event loop, or one tick
 *   =SYM0001   named this symbol, maybe others     the same, without `seq` and `offset`, which differ from client to client
 *   latest     chose `latest` with 250 ms          the latest tick of each symbol and kind that has a new tick
 */
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import type { TickJson } from '../../src/protocol/messages.js'
import { tickFeedService } from '../../src/sources/grpc/tick-feed-service.js'
import { type DecodedTick, decodeTicks, tickJson } from './protobuf-ticks.js'

export interface PeerMessage {
  readonly type: 'ticks'
  readonly seq?: number
  readonly offset?: number
  readonly ticks: readonly TickJson[]
}

export interface TickTopicsOptions {
  /** host:port of the feed. */
  readonly upstream: string
  /** Whether each tick is a message. Else the ticks of one turn of the event loop share a message. */
  readonly perTick: boolean
  /** Sends a message to all clients of a topic. */
  readonly publish: (topic: string, message: PeerMessage) => void
}

/** HTTP/2 flow control window, the same as Ringcast's. */
const WINDOW_BYTES = 4 * 1024 * 1024
const ALL = 'all'
const LATEST = 'latest:'

export class TickTopics {
  private readonly options: TickTopicsOptions
  /** The number of clients of each topic that has clients. */
  private readonly clients = new Map<string, number>()
  /** Of each topic, the latest ticks that wait for the interval, by kind and symbol. */
  private readonly latest = new Map<string, Map<string, DecodedTick>>()
  private turn: DecodedTick[] = []
  private offset = 0
  private seq = 0

  constructor(options: TickTopicsOptions) {
    this.options = options
    this.read()
  }

  /** @param url the URL of the client's request; @returns the topics of the client */
  join(url: string): readonly string[] {
    const requested = new URL(url, 'ws://peer').searchParams
    const symbols = requested.get('symbols')?.split(',') ?? []
    const isLatest = requested.get('delivery') === 'latest'
    const topics = isLatest
      ? [`${LATEST}${requested.get('interval')}`]
      : symbols.length > 0
        ? symbols.map(symbol => `=${symbol}`)
        : [ALL]
    for (const topic of topics) {
      this.clients.set(topic, (this.clients.get(topic) ?? 0) + 1)
      if (isLatest && !this.latest.has(topic)) this.publishLatest(topic)
    }
    return topics
  }

  leave(topics: readonly string[]): void {
    for (const topic of topics) {
      const left = this.clients.get(topic)! - 1
      if (left > 0) this.clients.set(topic, left)
      else this.clients.delete(topic)
    }
  }

  private read(): void {
    const { path, requestSerialize } = tickFeedService.StreamBatches
    const feed = new Client(this.options.upstream, credentials.createInsecure(), {
      'grpc-node.flow_control_window': WINDOW_BYTES,
      'grpc.enable_http_proxy': 0,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 200,
    })
    const everything = { symbols: [], fromPosition: 0 }
    const patient = new Metadata({ waitForReady: true })
    const call = feed.makeServerStreamRequest(path, requestSerialize, decodeTicks, everything, patient)
    call.on('data', (ticks: readonly DecodedTick[]) => {
      if (this.turn.length === 0) setImmediate(() => this.endTurn())
      for (const tick of ticks) this.turn.push(tick)
    })
    call.on('error', error => {
      process.stderr.write(`${error.message}\n`)
    })
  }

  private endTurn(): void {
    const ticks = this.turn
    this.turn = []
    for (const [topic, latest] of this.latest) {
      if (this.clients.has(topic)) for (const tick of ticks) latest.set(tick.kind + tick.symbol, tick)
    }
    if (this.options.perTick) for (const tick of ticks) this.publishTurn([tick])
    else this.publishTurn(ticks)
  }

  private publishTurn(ticks: readonly DecodedTick[]): void {
    this.offset += ticks.length
    const { clients } = this
    if (clients.has(ALL)) this.publishNumbered(ALL, ticks)
    if (clients.size === (clients.has(ALL) ? 1 : 0)) return
    const bySymbol = new Map<string, TickJson[]>()
    for (const tick of ticks) {
      const topic = `=${tick.symbol}`
      if (!clients.has(topic)) continue
      const its = bySymbol.get(topic)
      if (its === undefined) bySymbol.set(topic, [tickJson(tick)])
      else its.push(tickJson(tick))
    }
    for (const [topic, its] of bySymbol) this.options.publish(topic, { type: 'ticks', ticks: its })
  }

  private publishLatest(topic: string): void {
    const latest = new Map<string, DecodedTick>()
    this.latest.set(topic, latest)
    setInterval(
      () => {
        if (latest.size > 0 && this.clients.has(topic)) this.publishNumbered(topic, [...latest.values()])
        latest.clear()
      },
      Number(topic.slice(LATEST.length)),
    )
  }

  private publishNumbered(topic: string, ticks: readonly DecodedTick[]): void {
    const { offset } = this
    this.options.publish(topic, { type: 'ticks', seq: ++this.seq, offset, ticks: ticks.map(tickJson) })
  }
}

/** Reports the address of a peer to the benchmark. */
export function tellPort(port: number, scheme: 'ws' | 'wss' = 'ws'): void {
  process.stdout.write(`${JSON.stringify({ webSocketUrl: `${scheme}://127.0.0.1:${port}/` })}\n`)
}
