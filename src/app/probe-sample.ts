/**
 * Reads the first ticks of a feed of another schema, as clients would see them. Main thread.
 */
import { RingcastError } from '../common/errors.js'
import type { MessageForm, TickSink } from '../ingest/tick-sink.js'
import { GrpcSource, type GrpcSourceOptions } from '../sources/grpc/grpc-source.js'
import type { LoadedFeed } from '../sources/grpc/load-feed.js'
import { tickTexts } from '../sources/schema/tick-texts.js'
import { schemaCodec } from '../ticks/schema/schema-codec.js'

/**
 * @param onTick takes the text of a tick; undefined: a message of the feed was malformed
 * @returns resolves after `count` ticks
 * @throws RingcastError `feed_unreachable` when the call fails
 */
export async function sampleTicks(
  call: Pick<GrpcSourceOptions, 'target' | 'tls' | 'metadata' | 'proxy'>,
  { method, schema }: LoadedFeed,
  count: number,
  onTick: (text: string | undefined) => void,
): Promise<void> {
  const codec = schemaCodec(schema)
  let left = count
  let source: GrpcSource | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const sink: TickSink = {
        push(message: Uint8Array, form: MessageForm) {
          const texts = tickTexts(codec, message, form).slice(0, left)
          texts.forEach(onTick)
          left -= texts.length
          if (left === 0) resolve()
        },
        sessionStarted() {},
        lose() {},
        setSourceState() {},
        lastPosition: async () => 0,
      }
      const fail = (reason: string) => reject(new RingcastError('feed_unreachable', reason))
      source = new GrpcSource({ ...call, method, log: { info: () => {}, warn: fail } })
      source.start(sink)
    })
  } finally {
    await source?.stop()
  }
}
