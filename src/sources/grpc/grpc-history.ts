/**
 * Reads again what a feed still holds, over connections of its own. Runs in the thread that reads the past.
 * See docs/decisions/0101-the-past-is-asked-for-from-the-feed.md.
 */
import { type Clock, systemClock } from '../../common/clock.js'
import type { MessageForm } from '../../ingest/tick-sink.js'
import type {
  HistoryPoint,
  HistoryReading,
  NamedOffset,
  OpenHistory,
  StreamHistory,
} from '../../ticks/stream-history.js'
import type { TickCodec } from '../../ticks/tick-codec.js'
import type { Tls } from './grpc-credentials.js'
import { GrpcReading, NO_METHOD } from './grpc-reading.js'
import type { GrpcTarget } from './grpc-target.js'

/** What a thread can be given. */
export interface GrpcHistoryOptions {
  /** The endpoints of the feed, in the order of preference. */
  readonly targets: readonly GrpcTarget[]
  /** Of the method to call first. */
  readonly form: MessageForm
}

interface Endpoint {
  readonly target: GrpcTarget
  /** Of the method that the endpoint has, as far as it is known. */
  form: MessageForm
}

/** A feed may take so long to reply; all endpoints together. */
const WAIT_MS = 3_000
const TOTAL_WAIT_MS = 12_000
/** Enough for a reading, which keeps as much itself. */
const WINDOW_BYTES_MAX = 1024 * 1024

export class GrpcHistory implements StreamHistory {
  /** The one that gave the last reading is the first. */
  private endpoints: readonly Endpoint[]
  private readonly codec: TickCodec
  private readonly clock: Clock
  private readonly waitMs: number
  private readonly closing = new AbortController()

  constructor({ form, targets }: GrpcHistoryOptions, codec: TickCodec, clock: Clock = systemClock) {
    this.endpoints = targets.map(target => ({ target: received(target), form }))
    this.codec = codec
    this.clock = clock
    this.waitMs = Math.min(WAIT_MS, Math.floor(TOTAL_WAIT_MS / targets.length))
  }

  async open(point: HistoryPoint, signal: AbortSignal): Promise<HistoryReading | undefined> {
    // A feed is asked for positions. It knows no times.
    if (!('after' in point) || point.after.offset >= Number.MAX_SAFE_INTEGER) return undefined
    const ending = AbortSignal.any([signal, this.closing.signal])
    let failure: unknown
    for (const endpoint of this.endpoints) {
      try {
        const reading = await this.openAt(endpoint, point.after, ending)
        if (reading === undefined) continue
        this.endpoints = [endpoint, ...this.endpoints.filter(each => each !== endpoint)]
        return reading
      } catch (error) {
        ending.throwIfAborted()
        failure ??= error
      }
    }
    // An endpoint that does not reply may be the one that has the epoch.
    if (failure !== undefined) throw failure
    return undefined
  }

  async close(): Promise<void> {
    this.closing.abort()
  }

  private async openAt(
    endpoint: Endpoint,
    after: NamedOffset,
    signal: AbortSignal,
  ): Promise<GrpcReading | undefined> {
    const { clock, codec, waitMs } = this
    const { form: first, target } = endpoint
    for (const form of [first, first === 'batch' ? 'tick' : 'batch'] as const) {
      const opened = await GrpcReading.open({
        target,
        form,
        codec,
        after,
        waitMs,
        signal,
        clock,
      })
      if (opened === NO_METHOD) continue
      endpoint.form = form
      return opened instanceof GrpcReading ? opened : undefined
    }
    throw new Error('the server does not know ringcast.v1.TickFeed')
  }
}

export const openHistory: OpenHistory = (options: GrpcHistoryOptions, codec) =>
  new GrpcHistory(options, codec)

function received(target: GrpcTarget): GrpcTarget {
  return {
    ...target,
    tls: withBuffers(target.tls),
    windowBytes: Math.min(target.windowBytes, WINDOW_BYTES_MAX),
    connectTimeoutMs: WAIT_MS,
  }
}

/** What was a Buffer comes to another thread as a Uint8Array. */
function withBuffers(tls: Tls): Tls {
  if (tls === false) return tls
  const pems = (['ca', 'cert', 'key'] as const).flatMap(name => {
    const pem = tls[name]
    return pem === undefined ? [] : [[name, Buffer.from(pem)] as const]
  })
  return { ...tls, ...Object.fromEntries(pems) }
}
