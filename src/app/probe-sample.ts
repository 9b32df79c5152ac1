/**
 * Reads the first ticks of a feed of another schema, as clients would see them. Main thread.
 */
import type { Clock, Timer } from '../common/clock.js'
import { RingcastError } from '../common/errors.js'
import type { MessageForm, TickSink } from '../ingest/tick-sink.js'
import { GrpcSource, type GrpcSourceOptions } from '../sources/grpc/grpc-source.js'
import type { LoadedFeed } from '../sources/grpc/load-feed.js'
import { type TickText, tickTexts } from '../sources/schema/tick-texts.js'
import { schemaCodec } from '../ticks/schema/schema-codec.js'

export interface SampleOptions {
  /** Ticks to read, malformed ones among them. */
  readonly count: number
  /** How long to wait for them. */
  readonly timeoutMs: number
  readonly clock: Pick<Clock, 'after'>
  /** Takes a tick, or says why there is none. */
  readonly onTick: (text: TickText) => void
}

/**
 * @returns how many of the ticks came in time; 0 up to `count`
 * @throws RingcastError `feed_unreachable` when the call fails
 */
export async function sampleTicks(
  call: Pick<GrpcSourceOptions, 'target' | 'tls' | 'metadata' | 'proxy'>,
  { method, schema }: LoadedFeed,
  { clock, count, onTick, timeoutMs }: SampleOptions,
): Promise<number> {
  const codec = schemaCodec(schema)
  let left = count
  let source: GrpcSource | undefined
  let timer: Timer | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      timer = clock.after(timeoutMs, resolve)
      const sink: TickSink = {
        push(message: Uint8Array, form: MessageForm) {
          for (const tick of tickTexts(codec, message, form)) {
            if (left === 0) break
            onTick(tick)
            if (tick !== 'without a symbol') left--
          }
          if (left === 0) resolve()
        },
        sessionStarted() {},
        lose() {},
        setSourceState() {},
        lastPosition: () => 0,
      }
      const fail = (reason: string) => reject(new RingcastError('feed_unreachable', reason))
      source = new GrpcSource({ ...call, method, log: { info: () => {}, warn: fail } })
      source.start(sink)
    })
    return count - left
  } finally {
    timer?.cancel()
    await source?.stop()
  }
}
