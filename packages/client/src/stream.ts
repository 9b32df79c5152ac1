/**
 * A stream of ticks that survives its connections. Owns the state: one connection at a time, the wait before the next, the end.
 */
import { Backoff } from './backoff.js'
import { JSON_CODEC } from './codec.js'
import { Connection } from './connection.js'
import { type ConnectionEnd, factsOf, tokenEnd } from './connection-end.js'
import { Entries } from './entries.js'
import { EVERY } from './entry.js'
import { SYSTEM_TIME, type Time, webSocketOf } from './environment.js'
import { StreamClosedError, UnauthorizedError } from './errors.js'
import type { State, StatusItem, Transition } from './items.js'
import { Listeners } from './listeners.js'
import type { MarketTick, TickHead } from './messages.js'
import type { ConnectOptions } from './options.js'
import { Outlets } from './outlets.js'
import { Persistence } from './persistence.js'
import { readPosition } from './position.js'
import { Session } from './session.js'
import { checkUrl, streamUrl } from './stream-url.js'
import { type SubscribeOptions, Subscription } from './subscription.js'
import { SyncTimer } from './sync-timer.js'
import { Tokens } from './tokens.js'

const HEARTBEAT_MS = 5_000
const RELEASE_MS = 1_000

/** What a listener of the stream is given. */
export type ChangeOf<Event extends 'state' | 'status'> = Event extends 'state' ? Transition : StatusItem

export class Stream<Tick extends TickHead = MarketTick> {
  private readonly url: URL
  private readonly options: ConnectOptions<Tick>
  private readonly time: Time
  private readonly entries: Entries
  private readonly outlets: Outlets<Tick>
  private readonly backoff: Backoff
  private readonly tokens: Tokens
  private readonly persistence: Persistence | undefined
  private readonly stateListeners = new Listeners<Transition>()
  private transition: Transition = { state: 'connecting', code: 'started', reason: '', retryable: true }
  private connection: Connection<Tick> | undefined
  private session: Session<Tick> | undefined
  /** Waits for the next connection. */
  private retryTimer: unknown
  private readonly syncTimer: SyncTimer
  /** How many connections have ended before their first message. */
  private unopened = 0
  /** What has ended the stream. */
  private failure: Error | undefined
  private readonly online = () => {
    if (this.state === 'reconnecting' && this.connection === undefined) this.open()
  }

  /** Use `connect`. */
  constructor(url: string | URL, options: ConnectOptions<Tick>) {
    const { heartbeat = HEARTBEAT_MS, persist, random = Math.random, time = SYSTEM_TIME } = options
    if (heartbeat !== 0 && !(heartbeat >= 1_000 && heartbeat <= 60_000))
      throw new TypeError(`heartbeat must be 0, or 1000 to 60000 ms, got ${heartbeat}`)
    webSocketOf(options.WebSocket)
    this.url = checkUrl(url)
    this.options = options
    this.time = time
    this.syncTimer = new SyncTimer(time, () => this.sync())
    this.entries = new Entries(time)
    this.outlets = new Outlets(this.entries, () => this.session?.position)
    this.backoff = new Backoff(time, random)
    this.tokens = new Tokens(options.getToken)
    if (persist !== undefined) this.persistence = new Persistence(persist, time, () => this.position)
    this.entries.firstPosition = readPosition(options.resume ?? this.persistence?.load())
    if (options.resume !== undefined && this.entries.firstPosition === undefined)
      throw new TypeError(`resume must be <epoch>:<offset>, got "${options.resume}"`)
    this.persistence?.start()
    globalThis.addEventListener?.('online', this.online)
    // Subscriptions that are made in the same task go into the first connection.
    queueMicrotask(() => this.open())
  }

  get state(): State {
    return this.transition.state
  }

  /** `<epoch>:<offset>`: everything up to here has been given to readers. undefined: nothing yet. */
  get position(): string | undefined {
    return this.outlets.position
  }

  /** The present state, and the state of the feed. */
  get status(): StatusItem {
    return this.outlets.status(this.transition)
  }

  /**
   * Subscribes to symbols, to prefixes (`ETH*`), or to all (`*`). Entries are counted: the gateway is told of each once. It
   * delivers an entry as often as the subscription with the most wants it.
   */
  subscribe(symbols: string | readonly string[], options: SubscribeOptions = {}): Subscription<Tick> {
    if (this.failure !== undefined && !(this.failure instanceof UnauthorizedError)) throw this.failure
    const names = [...new Set([symbols].flat())]
    if (names.length === 0) throw new TypeError('name at least one symbol, or "*" for all')
    const { delivery = 'every', interval = 0, since } = options
    const rank = delivery === 'latest' ? interval : EVERY
    const snapshot = options.snapshot ?? delivery === 'latest'
    const release = this.options.release ?? RELEASE_MS
    const held = this.entries.holdAll(names, rank, snapshot, since)
    const subscription: Subscription<Tick> = new Subscription(names, options, () => {
      this.outlets.delete(subscription)
      for (const entry of held) this.entries.letGo(entry, rank, release)
      this.syncSoon(release)
    })
    this.outlets.add(subscription, held, snapshot, this.transition)
    subscription.end(this.failure)
    this.syncSoon(0)
    return subscription
  }

  /** The newest tick of a symbol that a subscription has; with `kind`, of that kind. */
  latest(symbol: string, kind?: string): Tick | undefined {
    return this.outlets.latest(symbol, kind)
  }

  /**
   * Calls `listener` at each change of the state; for `status`, of the state or of the feed.
   *
   * @returns a function that removes it
   */
  on<Event extends 'state' | 'status'>(
    event: Event,
    listener: (change: ChangeOf<Event>) => void,
  ): () => void {
    const listeners = event === 'state' ? this.stateListeners : this.outlets.statusListeners
    return listeners.add(listener as (change: Transition) => void)
  }

  /** A new token, for this connection and later ones. Goes on where an UnauthorizedError has ended the stream. */
  setToken(token: string): void {
    this.tokens.set(token)
    if (this.state === 'closed' && this.transition.code === 'unauthorized') {
      this.failure = undefined
      this.outlets.end(undefined)
      this.become({ state: 'connecting', code: 'token', reason: '', retryable: true })
      this.open()
    } else this.connection?.send({ type: 'auth', token })
  }

  /** Ends the stream and all subscriptions. */
  close(): void {
    if (this.transition.code === 'ended') return
    this.outlets.note()
    this.persistence?.stop()
    globalThis.removeEventListener?.('online', this.online)
    this.time.clearTimeout(this.retryTimer)
    this.connection?.close()
    this.connection = undefined
    this.session = undefined
    this.failure = new StreamClosedError('ended', 'close() was called')
    this.become({ state: 'closed', code: 'ended', reason: '', retryable: false })
    this.outlets.close()
    this.syncTimer.stop()
  }

  private open(): void {
    this.time.clearTimeout(this.retryTimer)
    if (this.state === 'closed' || this.connection !== undefined) return
    if (!this.tokens.isUsed) {
      this.connect(undefined)
      return
    }
    this.tokens.get().then(
      token => this.connect(token),
      error => this.ended(tokenEnd(error)),
    )
  }

  private connect(token: string | undefined): void {
    if (this.state === 'closed' || this.connection !== undefined) return
    const { codec = JSON_CODEC, heartbeat = HEARTBEAT_MS, stamps = false } = this.options
    // A refused URL looks like a gateway that is down where nobody sees the response. So each second try names nothing in it.
    const part = this.unopened % 2 === 0 ? this.entries.urlPart() : undefined
    this.entries.firstPosition = undefined
    this.unopened++
    const session = new Session<Tick>(
      this.entries,
      part,
      this.outlets,
      {
        opened: () => this.opened(),
        status: message => this.outlets.feedChanged(message, this.transition),
        goodbye: ({ reason, reconnectAfterMs }) => this.connection?.announceGoodbye(reason, reconnectAfterMs),
        tokenExpiring: () => void this.renewToken(),
        settled: () => this.settled(),
        mustWait: delayMs => this.syncTimer.holdBack(delayMs),
        broken: reason => this.connection?.fail('sequence', reason),
      },
      command => this.connection?.send(command),
    )
    this.session = session
    this.connection = new Connection(streamUrl(this.url, heartbeat, stamps, part), token, {
      WebSocket: webSocketOf(this.options.WebSocket),
      time: this.time,
      codec,
      heartbeatMs: heartbeat,
      onMessage: message => session.take(message),
      onEnd: end => this.ended(end),
    })
  }

  private opened(): void {
    this.unopened = 0
    this.backoff.up()
    this.tokens.accepted()
    if (!this.session!.isReplaying) return
    this.become({ state: 'replaying', code: 'open', reason: '', retryable: true })
  }

  private settled(): void {
    this.noteLive()
    this.syncSoon(0)
  }

  private noteLive(): void {
    if (this.state !== 'live' && this.session?.isLive)
      this.become({ state: 'live', code: 'live', reason: '', retryable: true })
  }

  private async renewToken(): Promise<void> {
    try {
      const token = await this.tokens.renew()
      if (token !== undefined) this.connection?.send({ type: 'auth', token })
    } catch {
      // The gateway closes the connection when the token expires, and then it is asked for again.
    }
  }

  /** The connection has ended, or could not begin. */
  private ended(end: ConnectionEnd): void {
    if (this.state === 'closed') return
    this.outlets.note()
    this.session?.end()
    this.session = undefined
    this.connection = undefined
    this.syncTimer.stop()
    const isUnauthorized = end.code === 'unauthorized'
    const isRetried = isUnauthorized ? this.tokens.refused() : end.retryable || this.forgotPositions(end)
    if (!isRetried) {
      this.finish(end)
      return
    }
    const delayMs = isUnauthorized ? 0 : (end.delayMs ?? this.backoff.nextDelayMs())
    this.become({ ...factsOf(end), state: 'reconnecting', retryable: true, delayMs })
    this.retryTimer = this.time.setTimeout(() => this.open(), delayMs)
  }

  /** Whether the gateway refused only the place to resume from. Then there is a gap, and the next connection begins anew. */
  private forgotPositions(end: ConnectionEnd): boolean {
    if (end.refusalCode !== 'bad_resume') return false
    this.outlets.forget()
    return true
  }

  private finish(end: ConnectionEnd): void {
    const { code, reason } = end
    const Failure = code === 'unauthorized' ? UnauthorizedError : StreamClosedError
    this.failure = new Failure(code, reason)
    this.become({ ...factsOf(end), state: 'closed', retryable: false })
    this.outlets.end(this.failure)
  }

  private become(transition: Transition): void {
    this.transition = transition
    this.stateListeners.tell(transition)
    this.outlets.stateChanged(transition)
  }

  private syncSoon(delayMs: number): void {
    if (this.session !== undefined) this.syncTimer.schedule(delayMs)
  }

  private sync(): void {
    const { session } = this
    if (session === undefined) return
    session.sync()
    // Entries that were waited for may have been let go of.
    this.noteLive()
    const releaseDelayMs = this.entries.releaseDelayMs()
    if (releaseDelayMs > 0) this.syncTimer.schedule(releaseDelayMs)
  }
}
