/**
 * A client that follows the stream through planned closes, as the documentation advises, and checks what it gets: by
 * `seq` and `offset` within a connection, and by the source's own sequences across connections.
 */
import { WebSocket } from 'ws'
import type { GoodbyeMessage, ServerMessage } from '../../src/protocol/messages.js'

export interface ReturningClientEvents {
  /** A tick has come live. @param latencyUs since the source's time */
  tick(latencyUs: number): void
  opened(): void
  /** The client has caught up. */
  live(): void
  /** A connection was refused, or ended without a goodbye. */
  failed(what: string): void
}

export class ReturningClient {
  /** Silent errors: a tick missing, doubled or out of order without a gap. */
  readonly errors: string[] = []
  readonly goodbyes: GoodbyeMessage[] = []
  gaps = 0
  ticks = 0
  isLive = false
  private readonly url: string
  private readonly events: ReturningClientEvents
  private readonly sequences = new Map<string, number>()
  private socket: WebSocket
  private seq = 0
  private offset = 0
  /** Whether a gap has told of ticks whose sequences are skipped. */
  private readonly mayMiss = new Set<string>()
  private timer: NodeJS.Timeout | undefined
  private hasEnded = false

  constructor(url: string, events: ReturningClientEvents) {
    this.url = url
    this.events = events
    this.socket = this.connect('')
  }

  end(): void {
    this.hasEnded = true
    clearTimeout(this.timer)
    this.socket.terminate()
  }

  private connect(query: string): WebSocket {
    const socket = new WebSocket(this.url + query, { perMessageDeflate: false })
    let goodbye: GoodbyeMessage | undefined
    socket.on('open', () => this.events.opened())
    socket.on('unexpected-response', (_, response) => {
      response.once('data', body => this.events.failed(`refused with ${response.statusCode}: ${body}`))
    })
    socket.on('error', error => {
      if (!this.hasEnded) this.events.failed(error.message)
    })
    socket.on('message', data => {
      const message = JSON.parse(String(data)) as ServerMessage
      if (goodbye !== undefined) this.errors.push(`${message.type} behind the goodbye`)
      if (message.type === 'goodbye') goodbye = message
      this.take(message)
    })
    socket.on('close', code => {
      this.isLive = false
      if (this.hasEnded) return
      if (goodbye === undefined || code !== 1001) {
        this.events.failed(`closed with ${code}`)
        return
      }
      const { resume } = goodbye
      this.timer = setTimeout(() => {
        this.socket = this.connect(`?resume=${resume}`)
      }, goodbye.reconnectAfterMs)
    })
    return socket
  }

  private take(message: ServerMessage): void {
    switch (message.type) {
      case 'subscribed':
        this.seq = message.seq
        this.offset = message.offset
        if (message.resumed !== true) this.caughtUp()
        break
      case 'ticks':
        if (message.seq !== this.seq + 1) this.errors.push(`seq ${message.seq} after ${this.seq}`)
        this.seq = message.seq
        this.offset = message.offset
        for (const tick of message.ticks)
          this.takeTick(tick.symbol + tick.kind, Number(tick.sequence), tick.time)
        break
      case 'gap':
        // A client that came before the first tick of the gateway is told the epoch of the feed.
        if (message.missed !== 0) this.gaps++
        this.seq = message.seq
        for (const key of this.sequences.keys()) this.mayMiss.add(key)
        break
      case 'snapshot':
        this.seq = message.seq
        for (const { symbol, kind, sequence } of message.ticks)
          this.sequences.set(symbol + kind, Number(sequence))
        break
      case 'live':
        this.seq = message.seq
        this.caughtUp()
        break
      case 'goodbye':
        this.goodbyes.push(message)
        if (Number(message.resume.split(':')[1]) < this.offset)
          this.errors.push(`a goodbye at ${message.resume} after ${this.offset}`)
        break
      case 'status':
        break
      default:
        this.errors.push(`a message that nobody asked for: ${message.type}`)
    }
  }

  private caughtUp(): void {
    this.isLive = true
    this.events.live()
  }

  private takeTick(key: string, sequence: number, time: number): void {
    const before = this.sequences.get(key)
    this.sequences.set(key, sequence)
    this.ticks++
    if (before !== undefined && sequence !== before + 1 && !(this.mayMiss.has(key) && sequence > before))
      this.errors.push(`${key} ${sequence} after ${before}`)
    this.mayMiss.delete(key)
    if (this.isLive) this.events.tick((performance.timeOrigin + performance.now()) * 1000 - time)
  }
}
