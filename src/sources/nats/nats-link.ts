/**
 * The connection to NATS: made and kept until `stop`. Main thread.
 *
 *   start ─► connecting ─► up ◄─► down (the client calls again by itself)      `stop` leads out of each state
 */
import { Backoff } from '../../common/backoff.js'
import type { Timer } from '../../common/clock.js'
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from './nats-js.js'
import type { NatsOptions } from './nats-options.js'
import { serverUrls } from './server-urls.js'

export interface NatsLinkEvents {
  /** There is a connection, the first one or after `down`. Nothing that was made on an earlier one counts on it. */
  up(connection: NatsConnection): void
  /** There is none. `reason` is one sentence. */
  down(reason: string): void
}

/** A dead connection is found after two pings without an answer. */
const PING_INTERVAL_MS = 1_000
const PINGS_OUT_MAX = 2
const CONNECT_TIMEOUT_MS = 2_000
const RECONNECT_WAIT_MS = 200
const BACKOFF_MIN_MS = 100
const BACKOFF_MAX_MS = 2_000

export class NatsLink {
  private readonly options: NatsOptions
  private readonly events: NatsLinkEvents
  private readonly backoff = new Backoff(BACKOFF_MIN_MS, BACKOFF_MAX_MS, Math.random)
  private connection: NatsConnection | undefined
  private retryTimer: Timer | undefined
  private opening: Promise<void> = Promise.resolve()
  private isStopped = false
  /** Whether the log has told that there is no server. */
  private isDownTold = false

  constructor(options: NatsOptions, events: NatsLinkEvents) {
    this.options = options
    this.events = events
  }

  start(): void {
    this.opening = this.open().catch((error: unknown) => this.options.log.warn(`NATS: ${reasonOf(error)}`))
  }

  /** Ends the connection for ever. What was published before has left by then. */
  async stop(): Promise<void> {
    this.isStopped = true
    this.retryTimer?.cancel()
    await this.opening
    const { connection } = this
    this.connection = undefined
    await connection?.close()
  }

  private async open(): Promise<void> {
    const { options } = this
    let connection: NatsConnection
    try {
      connection = await connect(connectionOptions(options))
    } catch (error) {
      if (!this.isStopped) this.retry(reasonOf(error))
      return
    }
    if (this.isStopped) {
      await connection.close()
      return
    }
    this.backoff.startOver()
    this.connection = connection
    this.watch(connection).catch((error: unknown) => options.log.warn(`NATS: ${reasonOf(error)}`))
    this.up(connection)
  }

  private async watch(connection: NatsConnection): Promise<void> {
    const closed = connection.closed()
    for await (const status of connection.status()) {
      if (this.isStopped) return
      if (status.type === 'disconnect') this.down(`the connection to ${status.server} is lost`)
      else if (status.type === 'reconnect') this.up(connection)
      else if (status.type === 'error') this.options.log.warn(`NATS: ${status.error.message}`)
    }
    // The client gives up where a server refuses its credentials twice.
    const error = await closed
    if (this.isStopped || this.connection !== connection) return
    this.connection = undefined
    this.retry(error instanceof Error ? error.message : 'the connection was closed')
  }

  private up(connection: NatsConnection): void {
    this.options.log.info(`connected to NATS at ${connection.getServer()}`)
    this.isDownTold = false
    this.events.up(connection)
  }

  private down(reason: string): void {
    if (!this.isDownTold) this.options.log.warn(`no NATS server, trying until there is one: ${reason}`)
    this.isDownTold = true
    this.events.down(reason)
  }

  private retry(reason: string): void {
    this.down(reason)
    this.retryTimer = this.options.clock.after(this.backoff.nextDelayMs(), () => this.start())
  }
}

function connectionOptions({ servers: urls, name, credentials, tls }: NatsOptions): NodeConnectionOptions {
  const { isTls, servers, ...login } = serverUrls(urls)
  const wanted = tls ?? (isTls ? {} : undefined)
  return {
    servers: [...servers],
    ...login,
    name,
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_OUT_MAX,
    ...(credentials === undefined ? {} : { authenticator: credsAuthenticator(credentials) }),
    // Given, it is demanded of the server.
    ...(wanted === undefined ? {} : { tls: wanted }),
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
