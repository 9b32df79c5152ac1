/**
 * Reads the past of a JetStream stream again, over a connection of its own. Runs in the thread that reads the past.
 */
import { systemClock } from '../../common/clock.js'
import type { HistoryPoint, HistoryReading, OpenHistory, StreamHistory } from '../../ticks/stream-history.js'
import type { NatsConnection } from './nats-js.js'
import { NatsLink } from './nats-link.js'
import { type NatsOptions, ticksSubject } from './nats-options.js'
import { NatsReading } from './nats-reading.js'
import { findStart } from './stream-search.js'
import { TickStream } from './tick-stream.js'

/** What a thread can be given. */
export interface NatsHistoryOptions extends Omit<NatsOptions, 'clock' | 'log'> {
  /** See NatsSourceOptions. */
  readonly schema: string | undefined
}

/** A reading waits so long for a connection. */
const CONNECTION_WAIT_MS = 3_000
/** The source of the gateway tells the operator of the same server. */
const SILENT = { info: () => {}, warn: () => {} }

export class NatsHistory implements StreamHistory {
  private readonly options: NatsHistoryOptions
  private readonly link: NatsLink
  private connection: NatsConnection | undefined
  private reason = 'there is no connection to NATS'
  private waiting: (() => void)[] = []

  constructor(options: NatsHistoryOptions) {
    this.options = options
    this.link = new NatsLink(
      { ...options, clock: systemClock, log: SILENT },
      {
        up: connection => {
          this.connection = connection
          for (const resolve of this.waiting.splice(0)) resolve()
        },
        down: reason => {
          this.connection = undefined
          this.reason = reason
        },
      },
    )
    this.link.start()
  }

  async open(point: HistoryPoint): Promise<HistoryReading | undefined> {
    const { schema, stream: name } = this.options
    const stream = await TickStream.open(await this.connected(), name, ticksSubject(name))
    const start = await findStart(stream, point)
    return start && (await NatsReading.open(stream, start, schema, systemClock))
  }

  async close(): Promise<void> {
    await this.link.stop()
  }

  private async connected(): Promise<NatsConnection> {
    if (this.connection === undefined)
      await new Promise<void>(resolve => {
        const timer = systemClock.after(CONNECTION_WAIT_MS, resolve)
        this.waiting.push(() => {
          timer.cancel()
          resolve()
        })
      })
    if (this.connection === undefined) throw new Error(this.reason)
    return this.connection
  }
}

export const openHistory: OpenHistory = (options: NatsHistoryOptions) => new NatsHistory(options)
