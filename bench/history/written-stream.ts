/**
 * A JetStream stream that a benchmark writes as a relay does: an hour of ticks as fast as they are stored, then live ticks at
 * a steady rate, each with the time at which it was made.
 */
import { systemClock } from '../../src/common/clock.js'
import { connect, Kvm, type NatsConnection } from '../../src/sources/nats/nats-js.js'
import { aliveSubject, bucketOf, ticksSubject } from '../../src/sources/nats/nats-options.js'
import { writeSchema } from '../../src/sources/nats/schema-record.js'
import { TickStream } from '../../src/sources/nats/tick-stream.js'
import { encodeTickBatch } from '../../test/support/proto-messages.js'

export const EPOCH = 'bench'
export const SYMBOLS = 1_000
const STREAM = 'bench'
const TICKS_PER_MESSAGE = 64
const IN_FLIGHT_MAX = 512
const PUBLISH_TIMEOUT_MS = 10_000
const LIVE_PERIOD_MS = 1
const ALIVE_PERIOD_MS = 500

export const symbolOf = (index: number): string => `SYM${String(index % SYMBOLS).padStart(4, '0')}`

export class WrittenStream {
  private readonly connection: NatsConnection
  private readonly stream: TickStream
  private sequence = 0
  private _offset = 0
  private timers: NodeJS.Timeout[] = []
  private failure: unknown

  private constructor(connection: NatsConnection, stream: TickStream) {
    this.connection = connection
    this.stream = stream
  }

  static async create(url: string): Promise<WrittenStream> {
    const connection = await connect({ servers: url })
    const stream = await TickStream.open(connection, STREAM, ticksSubject(STREAM))
    await stream.create({ name: STREAM, subjects: [ticksSubject(STREAM)] })
    await writeSchema(await new Kvm(connection).create(bucketOf(STREAM)), undefined)
    return new WrittenStream(connection, stream)
  }

  /** Of the last tick. */
  get offset(): number {
    return this._offset
  }

  /** Writes ticks of all symbols in turn. The bytes of ticks are made once: their offsets stand in the headers. */
  async fill(ticks: number): Promise<void> {
    const bodies = Array.from({ length: SYMBOLS }, (_, index) =>
      bodyOf(index * TICKS_PER_MESSAGE, TICKS_PER_MESSAGE),
    )
    let inFlight: Promise<void>[] = []
    while (this._offset < ticks) {
      const body = bodies[(this._offset / TICKS_PER_MESSAGE) % bodies.length]!
      inFlight.push(this.write(body, TICKS_PER_MESSAGE))
      if (inFlight.length < IN_FLIGHT_MAX) continue
      await Promise.all(inFlight)
      inFlight = []
    }
    await Promise.all(inFlight)
  }

  /** Writes so many ticks a second from now on, and says that a relay lives. */
  goLive(perSecond: number): void {
    const startMs = performance.now()
    const startOffset = this._offset
    const alive = (): void => this.connection.publish(aliveSubject(STREAM))
    alive()
    this.timers = [
      setInterval(alive, ALIVE_PERIOD_MS),
      setInterval(() => {
        const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond)
        for (;;) {
          const count = Math.min(due - (this._offset - startOffset), TICKS_PER_MESSAGE)
          if (count === 0) return
          this.write(bodyOf(this._offset, count), count).catch((error: unknown) => {
            this.failure ??= error
          })
        }
      }, LIVE_PERIOD_MS),
    ]
  }

  /** @throws what has kept a live tick from being stored */
  async stop(): Promise<void> {
    for (const timer of this.timers) clearInterval(timer)
    await this.connection.close()
    if (this.failure !== undefined) throw this.failure
  }

  private async write(data: Uint8Array, count: number): Promise<void> {
    const offset = this._offset + 1
    this._offset += count
    const after = { sequence: this.sequence++ }
    const frame = {
      relay: 'R',
      epoch: EPOCH,
      feedEpoch: EPOCH,
      feed: 'live',
      server: 'S',
      schema: undefined,
    } as const
    const message = { ...frame, kind: 'ticks', offset, count, data } as const
    await this.stream.publish(message, `${EPOCH}:${offset}`, after, PUBLISH_TIMEOUT_MS)
  }
}

function bodyOf(first: number, count: number): Uint8Array {
  const sourceTimeNs = BigInt(systemClock.epochUs()) * 1000n
  return encodeTickBatch({
    ticks: Array.from({ length: count }, (_, index) => ({
      symbol: symbolOf(first + index),
      kind: 1,
      sequence: first + index + 1,
      sourceTimeNs,
      bid: 61_800.2,
      bidSize: 2.5,
      ask: 61_800.3,
      askSize: 2.6,
    })),
  })
}
