/**
 * The memory that a gateway may take, by structure: what its settings bound, and what was measured. Written into docs/limits.md.
 */
import { layoutOf } from '../../src/broadcaster/broadcaster.js'
import { variableOf } from '../../src/common/setting-names.js'
import type { Config } from '../../src/config/config.js'
import { COMMAND_OVERHEAD_BYTES } from '../../src/lanes/command-sender.js'
import { commandRingBytes } from '../../src/memory/command-ring-memory.js'
import { latestStoreBytes } from '../../src/memory/latest-store.js'
import { tickLogBytes } from '../../src/memory/tick-log-memory.js'
import { marketCodec } from '../../src/ticks/market-codec.js'

const KiB = 1024
const MiB = 1024 * KiB

/** Measured: an idle process with one lane, `--max-semi-space-size=4`, Node 20. */
const IDLE_PROCESS_BYTES = 95 * MiB
/** Measured: each lane beyond the first. */
const IDLE_LANE_BYTES = 13 * MiB
/** Measured: the thread of the embedded feed. Its history has 96 bytes for each tick, and 18 for its place. */
const FEED_THREAD_BYTES = 21 * MiB
const HISTORY_TICK_BYTES = 96 + 18
/** Space for new objects of one thread, with `--max-semi-space-size=4`. */
const NEW_SPACE_BYTES = 12 * MiB
/** One message of the feed: a decoded message is held until its ticks stand in the tick log. */
const FEED_MESSAGE_BYTES = 16 * MiB
/** Measured, for prefixes that no other client names: see the note on entries in docs/limits.md. */
const ENTRY_BYTES = 587
/** RetainedFrames: 65,536 records, of seven int32 and six float64. */
const FRAME_INDEX_BYTES = 65_536 * (7 * 4 + 6 * 8)
/** EncodedTicks, for two encodings: 16,384 ticks, of one int32 and two float64. */
const TURN_INDEX_BYTES = 2 * 16_384 * (4 + 2 * 8)
/** Measured: SymbolTable, 65,536 symbols of 64 bytes, each with two latest ticks. */
const SYMBOL_TABLE_BYTES = 65_536 * 2.5 * KiB
/** Measured: a connection without traffic, and what a connection has more that compresses. */
const CONNECTION_BYTES = 7 * KiB
const COMPRESSION_BYTES = 48 * KiB

/** The bound that no setting lowers, and that a feed of few symbols does not come near. */
export const SYMBOLS = 'its symbols ³'

export type Owner = 'the process' | 'each lane' | 'each client'

export interface MemoryBound {
  readonly what: string
  readonly owner: Owner
  readonly bytes: number
  /** The setting that bounds it, as a variable. */
  readonly setting?: string
}

/** @param usesEmbeddedFeed whether the process runs the embedded feed */
export function memoryBounds(config: Config, usesEmbeddedFeed: boolean): readonly MemoryBound[] {
  const { compression, maxMessageBytes, subscriptionsMax, turnBytesMax } = config
  const of = (owner: Owner, what: string, bytes: number, key?: keyof Config): MemoryBound =>
    key === undefined ? { owner, what, bytes } : { owner, what, bytes, setting: variableOf(key) }
  const log = tickLogBytes(config.tickLogBytes)
  return [
    of('the process', 'Node, the code, one idle lane ³', IDLE_PROCESS_BYTES),
    of('the process', 'space for new objects of the main thread ³', NEW_SPACE_BYTES),
    of('the process', 'tick log', log, 'tickLogBytes'),
    of('the process', 'ticks that came while the log was full', log, 'tickLogBytes'),
    of(
      'the process',
      'bytes that the feed has sent ahead',
      config.upstreamWindowBytes,
      'upstreamWindowBytes',
    ),
    of('the process', 'one message of the feed', FEED_MESSAGE_BYTES),
    of('the process', 'entries of all clients ³', subscriptionsMax * ENTRY_BYTES, 'subscriptionsMax'),
    ...(usesEmbeddedFeed
      ? [
          of('the process', 'thread of the embedded feed ³', FEED_THREAD_BYTES + NEW_SPACE_BYTES),
          of('the process', 'its history', config.feedHistoryTicks * HISTORY_TICK_BYTES, 'feedHistoryTicks'),
        ]
      : []),
    of(
      'each lane',
      'frame ring, descriptors, scratch, encoded ticks',
      layoutOf(config, marketCodec).totalBytes,
      'frameRingBytes',
    ),
    of('each lane', 'latest ticks', latestStoreBytes(config.latestBytes), 'latestBytes'),
    of('each lane', 'command ring', commandRingBytes(turnBytesMax + COMMAND_OVERHEAD_BYTES), 'turnBytesMax'),
    of('each lane', 'index of its frames, on the main thread', FRAME_INDEX_BYTES),
    of('each lane', 'index of the ticks of a turn', TURN_INDEX_BYTES),
    of('each lane', SYMBOLS, SYMBOL_TABLE_BYTES),
    of('each lane', 'its thread, and space for new objects ³', IDLE_LANE_BYTES + NEW_SPACE_BYTES),
    of('each client', 'connection ³', CONNECTION_BYTES + (compression ? COMPRESSION_BYTES : 0)),
    of('each client', 'one message that it sends', maxMessageBytes, 'maxMessageBytes'),
    of('each client', 'commands whose replies are still to come', turnBytesMax, 'turnBytesMax'),
  ]
}

/** All that the process may take at the same time. */
export function sumOf(bounds: readonly MemoryBound[], config: Config): number {
  const counts: Readonly<Record<Owner, number>> = {
    'the process': 1,
    'each lane': config.poolSize,
    'each client': config.maxClients,
  }
  return bounds.reduce((sum, { bytes, owner }) => sum + bytes * counts[owner], 0)
}
