/** Loads the schema of a stream when a gateway starts, and waits for a relay that has not written one. Main thread. */
import type { Timer } from '../../common/clock.js'
import type { SourceStatus } from '../tick-source.js'
import { Kvm, type NatsConnection } from './nats-js.js'
import { NatsLink, reasonOf } from './nats-link.js'
import { bucketOf, type NatsOptions } from './nats-options.js'
import { readSchema, type SchemaRecord } from './schema-record.js'

const LOOK_MS = 1_000

export class SchemaLoader {
  private readonly options: NatsOptions
  private timer: Timer | undefined
  private connection: NatsConnection | undefined
  private lastError: string | undefined

  constructor(options: NatsOptions) {
    this.options = options
  }

  status(): SourceStatus {
    return { state: 'connecting', reconnects: 0, lastError: this.lastError }
  }

  /** @throws the reason of `signal` after an abort */
  async load(signal: AbortSignal): Promise<SchemaRecord> {
    signal.throwIfAborted()
    let link: NatsLink | undefined
    let onAbort = () => {}
    try {
      return await new Promise((resolve, reject) => {
        onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        link = new NatsLink(this.options, {
          up: connection => {
            this.connection = connection
            this.look(connection, resolve)
          },
          down: reason => {
            this.connection = undefined
            this.lastError = reason
          },
        })
        link.start()
      })
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.connection = undefined
      this.timer?.cancel()
      await link?.stop()
    }
  }

  private look(connection: NatsConnection, found: (record: SchemaRecord) => void): void {
    this.read(connection).then(
      record => {
        if (record !== undefined) found(record)
        else this.lookLater(connection, found, 'no relay has written the schema of the stream yet')
      },
      (error: unknown) =>
        this.lookLater(connection, found, `no relay has written the stream yet: ${reasonOf(error)}`),
    )
  }

  private lookLater(connection: NatsConnection, found: (record: SchemaRecord) => void, reason: string): void {
    if (connection !== this.connection) return
    if (reason !== this.lastError) this.options.log.warn(`waiting for a relay: ${reason}`)
    this.lastError = reason
    this.timer?.cancel()
    this.timer = this.options.clock.after(LOOK_MS, () => this.look(connection, found))
  }

  private async read(connection: NatsConnection): Promise<SchemaRecord | undefined> {
    return await readSchema(await new Kvm(connection).open(bucketOf(this.options.stream)))
  }
}
